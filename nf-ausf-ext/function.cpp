#include "nf-ausf-ext/function.hpp"

#include <algorithm>

#include "lib/base/log.hpp"
#include "lib/service/audit_console.hpp"
#include "lib/service/upkeep_commands.hpp"
#include "nf-ausf-ext/access.hpp"
#include "nf-ausf-ext/api.hpp"
#include "nf-ausf-ext/api_authentication.hpp"
#include "nf-ausf-ext/api_bootstrap.hpp"
#include "nf-ausf-ext/api_receipts.hpp"
#include "nf-ausf-ext/export_open5gs.hpp"
#include "nf-ausf-ext/rotate_keys.hpp"
#include "nf-ausf-ext/schema.hpp"
#include "nf-ausf-ext/wrap_key.hpp"

namespace ausf_ext {
namespace {

/// The key-encryption keys: a configuration in which they are not has said so (read_config).
bool are_locked(const Config& config) {
  const auto& former = config.former_key_encryption_key;
  return config.key_encryption_key->is_locked() && (former == nullptr || former->is_locked());
}

/// What all workers share.
struct Shared {
  explicit Shared(Config from)
      : config(std::move(from)), keys(config.key_encryption_key, config.former_key_encryption_key), contexts(config.context_lifetime) {}

  /// Opens the database and what rests in it.
  void open() {
    if (!are_locked(config)) base::log::warning("insecure_unlocked_memory: a key-encryption key may be swapped out, for its memory cannot be locked");
    store::Database database = store::Database::open(config.common.database);
    store::migrate(database, kSchema);
    require_key_of(database, keys);
    count_pools(database, config.pools);
    context_key = load_or_make_own_key(database, keys, "context-key", ContextIds::kKeyOctets);
    relay_links = std::make_unique<core::RelayLinks>(load_or_make_own_key(database, keys, "relay-key", core::RelayLinks::kKeyOctets));
    committer = std::make_unique<store::Committer>(std::move(database));
    if (!config.authentication.auth_event_udms.empty()) {
      nf_instance_id = service::nf_instance_id(config.common, "AUSF");
    }
    web = std::make_unique<web::HttpClient>(rsmf_files());
  }

  [[nodiscard]] web::TlsFiles rsmf_files() const { return {config.rsmf_tls.certificate, config.rsmf_tls.private_key, config.rsmf_tls.ca}; }

  /// What the RSMF is shown, and by whose word it is trusted. Files that do not belong together are found before anything changes.
  void reload() {
    (void)sbi::make_client_context(config.rsmf_tls);
    web->use_tls(rsmf_files());
  }

  void close() {
    committer.reset();
    web.reset();
    onboarding.reset();
  }

  const Config config;
  const KeyBox keys;
  AuthenticationContexts contexts;
  GlobalCounter counter;
  const std::string instance_name = "nf-ausf-ext-" + base::to_hex(crypto::random_octets<8>());  ///< in Via
  std::string nf_instance_id;  ///< what an existing UDM is told
  base::SecretBytes context_key;  ///< of ContextIds
  std::unique_ptr<core::RelayLinks> relay_links;
  std::unique_ptr<store::Committer> committer;
  std::unique_ptr<web::HttpClient> web;
  boost::asio::io_context* onboarding_loop = nullptr;
  std::unique_ptr<Onboarding> onboarding;  ///< on the first worker's loop
};

/// What one worker has for itself.
struct Instance {
  Instance(Shared& from, service::Worker& worker)
      : shared(from),
        reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only, shared.config.common.mapped_octets)),
        silent_peers(std::min(shared.config.silent_after, shared.config.common.client_timeout)),
        fetch(shared.config, worker.client, silent_peers, base::system_now),
        preload(shared.config, worker.client, silent_peers),
        subscribers(reader, snapshot, shared.keys, shared.counter),
        context_ids(shared.context_key),
        vectors(*shared.committer, shared.counter),
        tell_udm(worker.client, {shared.config.authentication.auth_event_udms, shared.nf_instance_id,
                                 shared.config.common.client_timeout}),
        authenticate({shared.config.authentication, reader, snapshot, *shared.committer, subscribers, shared.contexts, context_ids,
                      vectors, tell_udm, base::system_now}),
        accept_receipt({reader, *shared.committer, shared.keys, base::system_now}),
        relay(worker.client, *shared.relay_links, [this](const sbi::Peer& peer) { return shared.config.access.party_of(peer); },
              {shared.config.common.client_timeout, shared.instance_name}),
        routes({worker.router, shared.config.routing, *shared.config.home_network_keys, relay,
                core::discover_by(worker.nrf), shared.config.common.scp}),
        api(onboarding_parts(worker)),
        authentication_api(authentication_parts(worker)),
        receipt_api(accept_receipt) {
    const auto& subscription = shared.config.bootstrap_subscription;
    if (subscription) bootstrap_api.emplace(BootstrapApi::Parts{*subscription, reader, *shared.committer});
  }

  /// The first worker drives the onboarding.
  Api::Parts onboarding_parts(service::Worker& worker) {
    if (!shared.onboarding) {
      shared.onboarding_loop = &worker.loop;
      shared.onboarding = std::make_unique<Onboarding>(
          worker.loop, Onboarding::Parts{shared.config, reader, *shared.committer, fetch, preload, silent_peers, *shared.web,
                                         shared.keys, base::system_now, worker.audit});
      shared.onboarding->start();
    }
    return {shared.config, reader, *shared.committer, *shared.onboarding_loop, *shared.onboarding, base::system_now, worker.audit};
  }

  AuthenticationApi::Parts authentication_parts(const service::Worker& worker) {
    return {shared.config.authentication, shared.config.access, *shared.config.home_network_keys, reader,  *shared.committer, subscribers,
            authenticate,                 vectors,                          [this] { shared.onboarding->wake(); },
            base::system_now,             worker.audit};
  }

  void add_routes(sbi::Router& router) {
    api.add_routes(router);
    receipt_api.add_routes(router);
    authentication_api.add_routes(routes);
    if (bootstrap_api) bootstrap_api->add_routes(routes);
    router.on_batch({[this] {
                       subscribers.begin_batch();
                       snapshot.begin_batch();
                       shared.committer->begin_batch();
                     },
                     [this] {
                       snapshot.end_batch();
                       subscribers.end_batch();
                       return shared.committer->end_batch();
                     },
                     [this] { shared.committer->settle(); }});
  }

  Shared& shared;
  store::Database reader;
  store::BatchSnapshot snapshot{reader};
  SilentPeers silent_peers;
  FetchEphemeralKey fetch;
  PreloadVector preload;
  Subscribers subscribers;
  ContextIds context_ids;
  ProvideVectors vectors;
  TellUdm tell_udm;
  Authenticate authenticate;
  AcceptReceipt accept_receipt;
  core::Relay relay;
  core::SubscriberRoutes routes;
  Api api;
  AuthenticationApi authentication_api;
  ReceiptApi receipt_api;
  std::optional<BootstrapApi> bootstrap_api;  ///< if it is configured
};

}  // namespace

service::Function make_function(Config config) {
  const auto shared = std::make_shared<Shared>(std::move(config));
  service::Function function;
  function.common = shared->config.common;
  function.access = shared->config.access;
  function.rules = kAccessRules;
  function.open = [shared] { shared->open(); };
  function.build = [shared](service::Worker& worker) -> std::shared_ptr<void> {
    auto instance = std::make_shared<Instance>(*shared, worker);
    instance->add_routes(worker.router);
    return instance;
  };
  function.drain = [shared](service::Worker& worker) {
    if (&worker.loop == shared->onboarding_loop) shared->onboarding->stop();
  };
  function.reload = [shared] { shared->reload(); };
  function.close = [shared] { shared->close(); };
  return function;
}

service::Function make_function(const service::YamlDocument& document) {
  Config config = read_config(document.root());
  document.finish();
  return make_function(std::move(config));
}

std::vector<service::Command> commands() {
  const auto read = [](const service::YamlDocument& document) { return make_function(document); };
  std::vector<service::Command> out = service::upkeep_commands(kProgram, read, kSchema);
  using service::AuditAction;
  out.push_back(service::recorded(rotate_keys_command(), AuditAction::rotate_keys, kProgram.section));
  out.push_back(service::recorded(export_command(), AuditAction::export_keys, kProgram.section));
  out.push_back(service::recorded(wrap_key_command(), AuditAction::wrap_key, kProgram.section));
  return out;
}

}  // namespace ausf_ext

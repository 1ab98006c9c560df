#include "nf-d-ausf/function.hpp"

#include <map>

#include "lib/crypto/cipher.hpp"
#include "lib/service/upkeep_commands.hpp"
#include "lib/store/secrets.hpp"
#include "nf-d-ausf/access.hpp"
#include "nf-d-ausf/api.hpp"
#include "nf-d-ausf/schema.hpp"

namespace d_ausf {
namespace {

base::SecretBytes random_secret(std::size_t octets) {
  base::SecretBytes fresh(octets);
  crypto::fill_random(fresh.writable());
  return fresh;
}

/// What all workers share.
struct Shared {
  Config config;
  service::Access access;
  std::unique_ptr<store::Committer> committer;
  const std::string instance_name = "nf-d-ausf-" + base::to_hex(crypto::random_octets<8>());  ///< in Via
  base::SecretBytes context_key;
  std::unique_ptr<core::RelayLinks> relay_links;
  boost::asio::io_context* notifying_loop = nullptr;
  std::unique_ptr<NotifyReceipts> notify;  ///< on the first worker's loop
  std::map<std::size_t, NoteServings*> notes;  ///< by worker
};

/// What one worker has for itself.
struct Instance {
  Instance(Shared& shared, service::Worker& worker)
      : reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only, shared.config.common.mapped_octets)),
        accept(*shared.committer, shared.config.owners, base::system_now),
        snapshot(reader),
        notes(worker.loop, *shared.committer, shared.config.serving_notes_per_second),
        serve(reader, snapshot, notes, base::system_now),
        contexts(shared.context_key),
        take_receipt(reader, *shared.committer, base::system_now),
        relay(worker.client, *shared.relay_links, [&shared](const sbi::Peer& peer) { return shared.access.party_of(peer); },
              {shared.config.common.client_timeout, shared.instance_name}),
        routes({worker.router, shared.config.routing, *shared.config.home_network_keys, relay,
                core::discover_by(worker.nrf), shared.config.common.scp}),
        api(parts(shared, worker)) {
    api.add_routes(worker.router, routes);
    shared.notes[worker.index] = &notes;
    worker.router.on_batch({[this, &shared] {
                              serve.begin_batch();
                              shared.committer->begin_batch();
                            },
                            [this, &shared] {
                              serve.end_batch();
                              return shared.committer->end_batch();
                            },
                            [&shared] { shared.committer->settle(); }});
  }

  /// The first worker notifies.
  Api::Parts parts(Shared& shared, service::Worker& worker) {
    if (!shared.notify) {
      shared.notifying_loop = &worker.loop;
      const NotifyReceipts::Parts notify{reader, *shared.committer, worker.client, base::system_now,
                                         shared.config.common.client_timeout, shared.config.receipts};
      shared.notify = std::make_unique<NotifyReceipts>(worker.loop, notify);
      shared.notify->start();
    }
    return {accept, serve, take_receipt, *shared.notify, contexts, *shared.config.home_network_keys, worker.audit,
            shared.access, sbi::ImportPlaces(shared.config.common.limits), shared.config.receipt_answer};
  }

  store::Database reader;
  AcceptVector accept;
  store::BatchSnapshot snapshot;
  NoteServings notes;
  ServeVector serve;
  ContextIds contexts;
  TakeReceipt take_receipt;
  core::Relay relay;
  core::SubscriberRoutes routes;
  Api api;
};

}  // namespace

service::Function make_function(Config config) {
  const auto shared = std::make_shared<Shared>();
  shared->config = std::move(config);
  service::Function function;
  function.common = shared->config.common;
  function.access = shared->access = access_of(shared->config);
  function.rules = kAccessRules;
  function.open = [shared] {
    store::Database database = store::Database::open(shared->config.common.database, store::Database::Mode::read_write,
                                                     shared->config.common.mapped_octets);
    store::migrate(database, kSchema);
    shared->context_key = store::load_or_put_secret(database, "context-key", random_secret(16));
    shared->relay_links = std::make_unique<core::RelayLinks>(
        store::load_or_put_secret(database, "relay-key", random_secret(core::RelayLinks::kKeyOctets)));
    shared->committer = std::make_unique<store::Committer>(std::move(database));
  };
  function.build = [shared](service::Worker& worker) -> std::shared_ptr<void> {
    return std::make_shared<Instance>(*shared, worker);
  };
  function.drain = [shared](service::Worker& worker) {
    shared->notes.at(worker.index)->stop();
    if (&worker.loop == shared->notifying_loop) shared->notify->stop();
  };
  function.close = [shared] {
    shared->committer.reset();
    shared->notify.reset();
  };
  return function;
}

service::Function make_function(const service::YamlDocument& document) {
  Config config = read_config(document.root());
  document.finish();
  return make_function(std::move(config));
}

std::vector<service::Command> commands() {
  return service::upkeep_commands(kProgram, [](const service::YamlDocument& document) { return make_function(document); }, kSchema);
}

}  // namespace d_ausf

#include "nf-ausf-ext/function.hpp"

#include "nf-ausf-ext/api.hpp"
#include "nf-ausf-ext/api_receipts.hpp"
#include "nf-ausf-ext/api_bootstrap.hpp"
#include "nf-ausf-ext/schema.hpp"

namespace ausf_ext {
namespace {

/// What all workers share.
struct Shared {
  explicit Shared(Config from)
      : config(std::move(from)), keys(config.key_encryption_key), contexts(config.context_lifetime) {}

  const Config config;
  const KeyBox keys;
  AuthenticationContexts contexts;
  std::unique_ptr<store::Committer> committer;
  std::unique_ptr<web::HttpClient> web;
  boost::asio::io_context* onboarding_loop = nullptr;
  std::unique_ptr<Onboarding> onboarding;  ///< on the first worker's loop
};

web::TlsFiles web_tls(const service::CommonConfig& config) {
  if (!config.client_tls) return {};
  return {config.client_tls->certificate, config.client_tls->private_key, config.client_tls->ca};
}

/// What one worker has for itself.
struct Instance {
  Instance(Shared& shared, service::Worker& worker)
      : reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only)),
        fetch(shared.config, worker.client, base::system_now),
        preload(shared.config, worker.client),
        authenticate({reader, *shared.committer, shared.contexts, shared.keys, base::system_now}),
        accept_receipt({reader, *shared.committer, shared.keys, base::system_now}),
        api(parts(shared, worker)),
        receipt_api(accept_receipt) {}
        api(parts(shared, worker)) {
    const auto& subscription = shared.config.bootstrap_subscription;
    if (subscription) bootstrap.emplace(BootstrapApi::Parts{*subscription, reader, *shared.committer});
  }

  /// The first worker drives the onboarding.
  Api::Parts parts(Shared& shared, service::Worker& worker) {
    if (!shared.onboarding) {
      shared.onboarding_loop = &worker.loop;
      shared.onboarding = std::make_unique<Onboarding>(
          worker.loop, Onboarding::Parts{shared.config, reader, *shared.committer, fetch, preload, *shared.web, shared.keys,
                                         base::system_now});
      shared.onboarding->start();
    }
    return {shared.config, reader, *shared.committer, *shared.onboarding_loop, *shared.onboarding, authenticate, base::system_now};
  }

  store::Database reader;
  FetchEphemeralKey fetch;
  PreloadVector preload;
  Authenticate authenticate;
  AcceptReceipt accept_receipt;
  Api api;
  ReceiptApi receipt_api;
  std::optional<BootstrapApi> bootstrap;  ///< if it is configured
};

}  // namespace

service::Function make_function(Config config) {
  const auto shared = std::make_shared<Shared>(std::move(config));
  service::Function function;
  function.common = shared->config.common;
  function.open = [shared] {
    store::Database database = store::Database::open(shared->config.common.database);
    store::migrate(database, kSchema);
    shared->committer = std::make_unique<store::Committer>(std::move(database));
    shared->web = std::make_unique<web::HttpClient>(web_tls(shared->config.common));
  };
  function.build = [shared](service::Worker& worker) -> std::shared_ptr<void> {
    auto instance = std::make_shared<Instance>(*shared, worker);
    instance->api.add_routes(worker.router);
    instance->receipt_api.add_routes(worker.router);
    if (instance->bootstrap) instance->bootstrap->add_routes(worker.router);
    return instance;
  };
  function.drain = [shared](service::Worker& worker) {
    if (&worker.loop == shared->onboarding_loop) shared->onboarding->stop();
  };
  function.close = [shared] {
    shared->committer.reset();
    shared->web.reset();
    shared->onboarding.reset();
  };
  return function;
}

service::Function make_function(const service::YamlDocument& document) {
  Config config = read_config(document.root());
  document.finish();
  return make_function(std::move(config));
}

}  // namespace ausf_ext

#include "nf-d-ausf/function.hpp"

#include "nf-d-ausf/api.hpp"
#include "nf-d-ausf/schema.hpp"

namespace d_ausf {
namespace {

/// What all workers share.
struct Shared {
  Config config;
  std::unique_ptr<store::Committer> committer;
  std::unique_ptr<ContextIds> contexts;
  boost::asio::io_context* notifying_loop = nullptr;
  std::unique_ptr<NotifyReceipts> notify;  ///< on the first worker's loop
};

/// What one worker has for itself.
struct Instance {
  Instance(Shared& shared, service::Worker& worker)
      : reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only)),
        accept(*shared.committer, shared.config.owners, base::system_now),
        serve(reader, *shared.committer, base::system_now),
        take_receipt(reader, *shared.committer, base::system_now),
        api(parts(shared, worker)) {}

  /// The first worker notifies.
  Api::Parts parts(Shared& shared, service::Worker& worker) {
    if (!shared.notify) {
      shared.notifying_loop = &worker.loop;
      const NotifyReceipts::Parts notify{reader, *shared.committer, worker.client, base::system_now,
                                         shared.config.common.client_timeout, shared.config.receipts};
      shared.notify = std::make_unique<NotifyReceipts>(worker.loop, notify);
      shared.notify->start();
    }
    return {accept, serve, take_receipt, *shared.notify, *shared.contexts, *shared.config.home_network_keys, shared.config.receipt_answer};
  }

  store::Database reader;
  AcceptVector accept;
  ServeVector serve;
  TakeReceipt take_receipt;
  Api api;
};

}  // namespace

service::Function make_function(Config config) {
  const auto shared = std::make_shared<Shared>();
  shared->config = std::move(config);
  service::Function function;
  function.common = shared->config.common;
  function.open = [shared] {
    store::Database database = store::Database::open(shared->config.common.database);
    store::migrate(database, kSchema);
    shared->contexts = std::make_unique<ContextIds>(load_or_make_context_key(database));
    shared->committer = std::make_unique<store::Committer>(std::move(database));
  };
  function.build = [shared](service::Worker& worker) -> std::shared_ptr<void> {
    auto instance = std::make_shared<Instance>(*shared, worker);
    instance->api.add_routes(worker.router);
    return instance;
  };
  function.drain = [shared](service::Worker& worker) {
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

}  // namespace d_ausf

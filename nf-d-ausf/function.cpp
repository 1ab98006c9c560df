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
};

/// What one worker has for itself.
struct Instance {
  explicit Instance(Shared& shared)
      : reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only)),
        accept(*shared.committer, base::system_now),
        serve(reader, *shared.committer, base::system_now),
        api(accept, serve, *shared.contexts, *shared.config.home_network_keys) {}

  store::Database reader;
  AcceptVector accept;
  ServeVector serve;
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
    auto instance = std::make_shared<Instance>(*shared);
    instance->api.add_routes(worker.router);
    return instance;
  };
  function.close = [shared] { shared->committer.reset(); };
  return function;
}

service::Function make_function(const service::YamlDocument& document) {
  Config config = read_config(document.root());
  document.finish();
  return make_function(std::move(config));
}

}  // namespace d_ausf

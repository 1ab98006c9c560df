#include "nf-arpf/function.hpp"

#include "lib/base/log.hpp"
#include "lib/service/upkeep_commands.hpp"
#include "nf-arpf/access.hpp"
#include "nf-arpf/api.hpp"
#include "nf-arpf/api_suspensions.hpp"
#include "nf-arpf/schema.hpp"

namespace arpf {
namespace {

/// What all workers share.
struct Shared {
  explicit Shared(Config from) : config(std::move(from)), certificates(agreement_certificates(), config.trust->endorsement_key.certificate) {}

  [[nodiscard]] std::vector<crypto::Certificate> agreement_certificates() const {
    std::vector<crypto::Certificate> out;
    for (const OwnKey& key : config.trust->agreement_keys) out.push_back(key.certificate);
    return out;
  }

  const Config config;
  const PublishCertificates certificates;
  std::unique_ptr<store::Committer> committer;
};

/// What one worker has for itself.
struct Instance {
  Instance(Shared& shared, const service::Audit& audit)
      : reader(store::Database::open(shared.config.common.database, store::Database::Mode::read_only, shared.config.common.mapped_octets)),
        claims(reader, *shared.committer, base::system_now),
        release(shared.config.trust, claims, known, base::system_now),
        api(shared.config, shared.certificates, release, claims, known, audit),
        suspensions(reader, *shared.committer, base::system_now),
        suspension_api(suspensions, audit) {}

  store::Database reader;
  Claims claims;
  crypto::KnownCertificates known;
  ReleaseEphemeralKey release;
  Api api;
  Suspensions suspensions;
  SuspensionApi suspension_api;
};

}  // namespace

service::Function make_function(Config config) {
  const auto shared = std::make_shared<Shared>(std::move(config));
  service::Function function;
  function.common = shared->config.common;
  function.access = access_of(shared->config);
  function.rules = kAccessRules;
  function.open = [shared] {
    store::Database database = store::Database::open(shared->config.common.database);
    store::migrate(database, kSchema);
    shared->committer = std::make_unique<store::Committer>(std::move(database));
  };
  function.build = [shared](service::Worker& worker) -> std::shared_ptr<void> {
    auto instance = std::make_shared<Instance>(*shared, worker.audit);
    instance->api.add_routes(worker.router);
    instance->suspension_api.add_routes(worker.router);
    worker.router.on_batch({[shared] { shared->committer->begin_batch(); }, [shared] { return shared->committer->end_batch(); },
                            [shared] { shared->committer->settle(); }});
    return instance;
  };
  function.reload = [shared] {
    const std::size_t count = shared->config.trust->revocation_lists->reload();
    base::log::info("{} revocation lists are in force", count);
  };
  function.close = [shared] { shared->committer.reset(); };
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

}  // namespace arpf

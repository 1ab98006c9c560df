#include "nf-ausf-ext/config.hpp"

#include "lib/service/home_network_keys.hpp"
#include "lib/service/key_files.hpp"
#include "lib/service/peer_uris.hpp"
#include "lib/service/routing_config.hpp"
#include "nf-ausf-ext/config_bootstrap.hpp"

namespace ausf_ext {
namespace {

/// Authentications ask for subscribers at random: with a mapping half as many more are served (docs/decisions/0018).
constexpr std::int64_t kMappedMib = 2047;

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<ImsiPool> read_pool(const service::Section& section) {
  const auto plmn = service::read_plmn(section);
  const auto range = service::read_imsi_range(section);
  if (!plmn || !range) return std::nullopt;
  if (!plmn->is_home_of(range->from)) section.problem("from", "does not begin with " + plmn->prefix());
  if (!plmn->is_home_of(range->to)) section.problem("to", "does not begin with " + plmn->prefix());
  return ImsiPool{*plmn, range->from, range->to};
}

void read_pools(const service::Section& function, Config& config) {
  for (const service::Section& section : function.sections("imsi_pools", true)) {
    const auto pool = read_pool(section);
    if (!pool) continue;
    if (!config.routing.serves_here({pool->from, pool->to})) {
      section.problem("from", "the routing table sends IMSIs of this pool elsewhere: give their range the target local");
    }
    for (const ImsiPool& other : config.pools) {
      if (pool->from <= other.to && other.from <= pool->to) section.problem("from", "this pool overlaps with another one");
    }
    config.pools.push_back(*pool);
  }
}

/// Whoever reads the swap space must not find there what all keys are sealed under.
void require_locked(const service::Section& function, const std::string& key, const crypto::KeyEncryptionKey* loaded, bool may_be_unlocked) {
  if (loaded == nullptr || loaded->is_locked() || may_be_unlocked) return;
  function.problem(key, "would be in memory that may be swapped out, for this process may not lock any (mlock): raise the limit (LimitMEMLOCK=1M, "
                        "ulimit -l), or, in a lab, say insecure_unlocked_memory: true in ausf_ext");
}

void read_keys(const service::Section& function, const service::Tokens& tokens, Config& config) {
  config.key_encryption_key = service::read_key_encryption_key(function, "key_encryption_key", tokens);
  if (function.has("former_key_encryption_key")) {
    config.former_key_encryption_key = service::read_key_encryption_key(function, "former_key_encryption_key", tokens);
  }
  const bool may_be_unlocked = function.boolean("insecure_unlocked_memory", false);
  require_locked(function, "key_encryption_key", config.key_encryption_key.get(), may_be_unlocked);
  require_locked(function, "former_key_encryption_key", config.former_key_encryption_key.get(), may_be_unlocked);
  const service::Section section = function.section("operator", true);
  const auto pair = service::read_key_pair(section, service::Dates::matter, tokens);
  if (!pair) return;
  if (!pair->certificate.has_key_usage(crypto::KeyUsage::key_agreement)) {
    section.problem("certificate", "CERT.MNO must have the key usage keyAgreement");
  }
  if (pair->certificate.organizations().size() != 1) {
    section.problem("certificate", "CERT.MNO must have exactly one organizationName, the operator id");
  }
  config.operator_certificate = pair->certificate;
  config.operator_key = pair->key;
}

/// It is no part of the core: neither its TLS nor its leave to be called in clear is that of `client`.
void read_rsmf(const service::Section& rsmf, Config& config) {
  const sbi::Uri uri = service::read_uri(rsmf, "uri");
  service::require_confidential(rsmf, "uri", uri, rsmf.boolean("insecure_beyond_loopback", false), "rsmf");
  config.rsmf_uri = rsmf.text("uri");
  if (rsmf.has("tls")) config.rsmf_tls = service::read_web_client_tls(rsmf.section("tls"));
}

void read_peers(const service::Section& function, Config& config) {
  for (const service::Section& section : function.sections("arpfs", true)) {
    const auto issuer = service::read_certificate(section, "issuer");
    std::string uri = section.text("uri");
    while (uri.ends_with('/')) uri.pop_back();  // as offers' URIs are read
    config.common.direct.push_back(service::read_peer_uri(section, "uri", config.common));
    if (issuer) config.arpfs.push_back({std::move(uri), *issuer});
  }
  config.d_ausf = service::read_peer_uri(function.section("d_ausf", true), "uri", config.common);
  config.common.direct.push_back(config.d_ausf);
  if (function.has("notification_uri")) {  // the D-AUSF sends receipts there
    config.notification_uri = service::read_uri(function, "notification_uri");
    service::require_confidential(function, "notification_uri", *config.notification_uri, config.common.may_call_in_clear, "client");
  }
  read_rsmf(function.section("rsmf", true), config);
}

}  // namespace

Config read_config(const service::Section& root) {
  Config config;
  config.common = service::read_common(root, "ausf_ext", kMappedMib);
  const service::Section function = root.section("ausf_ext");
  using service::Role;
  config.access = service::Access(service::read_access(
      function, {Role::administrator, Role::access_network, Role::ausf, Role::core_function, Role::service_provider, Role::rsmf, Role::d_ausf}));
  if (config.common.knows_peers) {
    service::require_somebody(function, "access", config.access, {Role::service_provider});
    service::require_somebody(function, "access", config.access, {Role::rsmf});
    service::require_somebody(function, "access", config.access, {Role::access_network, Role::ausf});  // the latter where it is a UDM alone
  }
  for (const char* key : {"access", "providers"}) service::require_known_peers(function, key, config.common);
  config.providers = read_providers(function);
  read_keys(function, service::read_tokens(root), config);
  read_peers(function, config);
  // Without a notification_uri no D-AUSF is asked to tell.
  if (config.common.knows_peers && config.notification_uri) service::require_somebody(function, "access", config.access, {Role::d_ausf});
  config.home_network_keys = service::read_home_network_keys(function);
  config.routing = service::read_routing(function, config.common, !config.common.nrf.uris.empty());
  config.authentication = read_authentication(function.section("authentication"), config.common);
  read_pools(function, config);
  config.quarantine = seconds(function.integer("quarantine_s", 0, 315360000, 86400));
  config.device_lifetime = seconds(function.integer("device_lifetime_s", 1, 315360000, 31536000));
  config.context_lifetime = seconds(function.integer("context_lifetime_s", 1, 3600, 60));
  const service::Section onboarding = function.section("onboarding");
  config.offer_wait = milliseconds(onboarding.integer("wait_ms", 0, 60000, 5000));
  config.first_pause = milliseconds(onboarding.integer("first_pause_ms", 10, 60000, 500));
  config.longest_pause = milliseconds(onboarding.integer("longest_pause_ms", 10, 86400000, 60000));
  config.silent_after = milliseconds(onboarding.integer("silent_after_ms", 10, 60000, 3000));
  config.max_in_flight = static_cast<std::size_t>(onboarding.integer("max_in_flight", 1, 10000, 64));
  config.bootstrap_subscription = read_bootstrap_subscription(function);
  return config;
}

}  // namespace ausf_ext

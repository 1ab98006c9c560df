#include "lib/service/home_network_keys.hpp"

#include <optional>
#include <set>

#include "lib/service/key_files.hpp"

namespace service {
namespace {

using crypto::EciesPrivateKey;
using crypto::EciesProfile;

/// 1 to 255; nothing, and a problem, for anything else.
std::optional<std::uint8_t> read_id(const Section& section) {
  constexpr std::int64_t kNone = 0;
  if (!section.has("id")) {
    section.problem("id", "is missing");
    return std::nullopt;
  }
  const std::int64_t id = section.integer("id", 1, 255, kNone);
  return id == kNone ? std::nullopt : std::optional(static_cast<std::uint8_t>(id));
}

std::optional<EciesProfile> read_scheme(const Section& section) {
  const std::string scheme = section.text("scheme");
  if (scheme == "A") return EciesProfile::a;
  if (scheme == "B") return EciesProfile::b;
  if (!scheme.empty()) section.problem("scheme", scheme + " is neither A (X25519) nor B (P-256)");
  return std::nullopt;
}

std::optional<EciesPrivateKey> read_key(const Section& section, std::optional<EciesProfile> profile) {
  const std::string path = read_secret_path(section, "private_key");
  if (path.empty() || !profile) return std::nullopt;
  try {
    return EciesPrivateKey::load(*profile, path);
  } catch (const crypto::CryptoError& error) {
    section.problem("private_key", error.what());
    return std::nullopt;
  }
}

}  // namespace

std::shared_ptr<const aka::HomeNetworkKeys> read_home_network_keys(const Section& function) {
  std::map<std::uint8_t, EciesPrivateKey> keys;
  std::set<std::uint8_t> ids;
  for (const Section& section : function.sections("home_network_keys")) {
    const auto id = read_id(section);
    auto key = read_key(section, read_scheme(section));
    if (id && !ids.insert(*id).second) section.problem("id", std::to_string(*id) + " is another key's already");
    if (id && key) keys.emplace(*id, std::move(*key));
  }
  return std::make_shared<const aka::HomeNetworkKeys>(std::move(keys));
}

}  // namespace service

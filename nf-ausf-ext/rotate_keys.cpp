#include "nf-ausf-ext/rotate_keys.hpp"

#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/schema.hpp"

namespace ausf_ext {
namespace {

constexpr std::size_t kBatch = 256;  ///< devices of one transaction

/// What a pass over all devices came to.
struct Pass {
  std::uint64_t sealed = 0;
  std::vector<profile::DiscoveryImsi> lost = {};  ///< under neither key
  bool is_overtaken = false;                      ///< a key that was looked at was another one, or none, when it was to be replaced
};

/// What `work()` returns, in a transaction of its own.
template <class Work>
auto in_transaction(store::Database& database, const Work& work) {
  database.script("BEGIN IMMEDIATE");
  try {
    auto out = work();
    database.script("COMMIT");
    return out;
  } catch (...) {
    if (database.is_in_transaction()) database.script("ROLLBACK");
    throw;
  }
}

/// Some of the devices'; where to go on, nothing at the end. They are looked for before the database is locked, for that may take long.
std::optional<profile::DiscoveryImsi> rotate_some(store::Database& database, const KeyBox& keys, std::optional<profile::DiscoveryImsi> after,
                                                  Pass& pass) {
  const auto page = find_sealed_page(database, after, kBatch);
  pass.sealed += in_transaction(database, [&] {
    std::uint64_t sealed_anew = 0;
    for (const SealedKey& sealed : page) {
      if (keys.is_sealed_anew(sealed.octets, sealed.dimsi)) continue;
      if (!keys.opens(sealed.octets, sealed.dimsi)) {
        pass.lost.push_back(sealed.dimsi);
        continue;
      }
      if (replace_sealed(database, sealed, keys.seal(keys.open(sealed.octets, sealed.dimsi), sealed.dimsi))) {
        ++sealed_anew;
      } else {
        pass.is_overtaken = true;
      }
    }
    return sealed_anew;
  });
  return page.size() < kBatch ? std::nullopt : std::optional(page.back().dimsi);
}

int run_rotate_keys(const std::string& config_path, const service::Command::Given&) {
  const service::YamlDocument document = service::YamlDocument::load(config_path);
  const Config config = read_config(document.root());
  document.finish();
  if (config.former_key_encryption_key == nullptr) {
    throw service::ConfigError(config_path + ": ausf_ext.former_key_encryption_key is missing: the key that keys were sealed under before");
  }
  if (!std::filesystem::exists(config.common.database)) throw std::runtime_error("there is no database " + config.common.database);
  store::Database database = store::Database::open(config.common.database);
  store::migrate(database, kSchema);
  const KeyBox keys(config.key_encryption_key, config.former_key_encryption_key);
  require_key_of(database, keys);
  const std::uint64_t count = rotate_keys(database, keys);
  std::cerr << count << " keys of devices and the function's own secrets in " << config.common.database << " are sealed anew; former_key_encryption_key may go from the configuration\n";
  return 0;
}

}  // namespace

std::uint64_t rotate_keys(store::Database& database, const KeyBox& keys) {
  std::uint64_t count = 0;
  Pass pass{1};
  while (pass.sealed > 0 || pass.is_overtaken) {  // what was sealed under the former key meanwhile is found by another pass
    pass = Pass();
    std::optional<profile::DiscoveryImsi> after;
    do {
      after = rotate_some(database, keys, after, pass);
    } while (after);
    count += pass.sealed;
  }
  if (!pass.lost.empty()) {
    throw std::runtime_error(std::to_string(pass.lost.size()) + " keys open under neither key, the first of them that of " + pass.lost.front().digits() +
                             "; all others are sealed anew");
  }
  in_transaction(database, [&] {
    rotate_own_secrets(database, keys);
    return true;
  });
  return count;
}

service::Command rotate_keys_command() {
  return {"rotate-keys", "seals the keys in the database under key_encryption_key that are under former_key_encryption_key; the function may run",
          {}, run_rotate_keys};
}

}  // namespace ausf_ext

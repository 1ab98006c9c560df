#include "lib/store/secrets.hpp"

#include <utility>

namespace store {
namespace {

constexpr const char* kFind = "SELECT value FROM secrets WHERE name = $1";
constexpr const char* kNames = "SELECT name FROM secrets";
constexpr const char* kPut = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
constexpr const char* kReplace = "INSERT OR REPLACE INTO secrets (name, value) VALUES ($1, $2)";

}  // namespace

std::optional<base::SecretBytes> find_secret(Database& database, std::string_view name) {
  Rows rows = database.query(kFind, name);
  if (!rows.next()) return std::nullopt;
  return base::SecretBytes(rows.blob(0));
}

base::SecretBytes load_or_put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh) {
  database.run(kPut, name, fresh.reveal());
  auto stored = find_secret(database, name);
  if (!stored) throw StoreError("a secret could not be stored");
  return std::move(*stored);
}

void put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh) { database.run(kReplace, name, fresh.reveal()); }

std::vector<std::string> names_of_secrets(Database& database) {
  std::vector<std::string> names;
  for (Rows rows = database.query(kNames); rows.next();) names.emplace_back(rows.text(0));
  return names;
}

}  // namespace store

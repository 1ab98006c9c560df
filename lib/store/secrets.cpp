#include "lib/store/secrets.hpp"

namespace store {
namespace {

constexpr const char* kFind = "SELECT value FROM secrets WHERE name = $1";
constexpr const char* kPut = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
constexpr const char* kReplace = "INSERT OR REPLACE INTO secrets (name, value) VALUES ($1, $2)";

}  // namespace

base::SecretBytes load_or_put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh) {
  database.run(kPut, name, fresh.reveal());
  Rows rows = database.query(kFind, name);
  if (!rows.next()) throw StoreError("a secret could not be stored");
  return base::SecretBytes(rows.blob(0));
}

void put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh) { database.run(kReplace, name, fresh.reveal()); }

bool has_secret(Database& database, std::string_view name) { return database.query(kFind, name).next(); }

}  // namespace store

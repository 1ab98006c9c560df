#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/secret.hpp"
#include "lib/store/database.hpp"

namespace store {

/// The secret of that name that every instance of a function shares: the stored one, or `fresh`, which is stored then. The schema has a table
/// `secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL)`. Throws StoreError.
base::SecretBytes load_or_put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh);

/// Stores it in the place of the one before. Throws StoreError.
void put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh);

/// The stored one. Throws StoreError.
std::optional<base::SecretBytes> find_secret(Database& database, std::string_view name);

/// Of all that are stored. Throws StoreError.
std::vector<std::string> names_of_secrets(Database& database);

}  // namespace store

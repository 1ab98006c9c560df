#pragma once

#include <string_view>

#include "lib/base/secret.hpp"
#include "lib/store/database.hpp"

namespace store {

/// The secret of that name that every instance of a function shares: the stored one, or `fresh`, which is stored then. The schema has a table
/// `secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL)`. Throws StoreError.
base::SecretBytes load_or_put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh);

/// Stores it in the place of the one before. Throws StoreError.
void put_secret(Database& database, std::string_view name, const base::SecretBytes& fresh);

/// True if a secret of that name is stored.
bool has_secret(Database& database, std::string_view name);

}  // namespace store

#pragma once

#include <cstdint>

#include "lib/service/run.hpp"
#include "lib/store/database.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {

/// Seals again, under the present key-encryption key, what is sealed under the one before it; what is under the present one already stays
/// as it is. In small transactions, so that functions on the same database go on meanwhile: they must know both keys. Returns how many keys
/// were sealed again; what stops it half way is mended by the next call. Throws std::runtime_error if keys open under neither, once all others are done: how
/// many, and of which device the first is.
std::uint64_t rotate_keys(store::Database& database, const KeyBox& keys);

/// `rotate-keys`: the above, for the database and the keys that the configuration names.
service::Command rotate_keys_command();

}  // namespace ausf_ext

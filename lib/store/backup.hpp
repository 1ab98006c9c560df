#pragma once

#include <string>
#include <string_view>

namespace store {

/// Copies a database, as it is at one moment, to the new file `to`; functions may go on writing meanwhile. The copy is one file of mode
/// 0600, checked (integrity_check, foreign_key_check) and on disk before it gets its name. What it holds is sealed as it was, or not.
/// Until it is done no checkpoint can shorten the WAL. Throws StoreError: also if `to` is there already, which it never overwrites.
void back_up(const std::string& database, const std::string& to);

/// Puts a copy of the backup `from` in the place of `database`, once it is known to be sound and to have the tables of `schema` at a
/// version that this program knows. The database that was there is kept aside under the name that is returned (empty: there was none).
/// At each moment, a power cut's among them, `database` is the one or the other; while a WAL that could not be settled (the database is damaged) is moved aside, the old
/// one without it: after a crash restore again before a start. Throws StoreError, with nothing changed, also while any process has the database open; or, once it is done,
/// if the folder cannot be synced.
std::string restore(const std::string& database, const std::string& from, std::string_view schema);

}  // namespace store

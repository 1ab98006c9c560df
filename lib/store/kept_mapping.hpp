#pragma once

namespace store {

/// The name of an SQLite VFS, registered by the first call, that is the system's own but for one thing: a reader's mapping of the database
/// file stays when something was committed. SQLite's own gives it back with each commit that the reader sees, and the next look-ups pay for each
/// page of it by a fault. The mapping shows what the file holds, so nothing stale is read; it is made anew when the file has another size.
/// Throws StoreError. Safe for several threads.
const char* kept_mapping_vfs();

}  // namespace store

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/store/database.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// How far an import is. It is done when its whole body is stored and each of its devices is PRELOADED (or beyond) or FAILED.
struct ImportStatus {
  bool is_done = false;
  std::uint64_t received = 0;
  std::uint64_t preloaded = 0;
  std::uint64_t failed = 0;  ///< refused lines included
  Provider offered_by;
};

struct ImportProblem {
  std::uint64_t line = 0;
  std::optional<profile::DiscoveryImsi> dimsi;
  std::string cause;
  std::string detail;
};

// The tables imports and import_lines: every SQL text of them is in imports.cpp.

/// Begins an import; the id is the caller's, 32 random hex digits.
void begin_import(store::Database& database, const std::string& id, const Provider& offered_by);
/// Before another line with this device is accepted: no more than a few go by what becomes of it. Those of one that FAILED are then settled as they
/// are; while it is on its way, throws Error{conflict, DEVICE_EXISTS}.
void require_open_line(store::Database& database, const profile::DiscoveryImsi& dimsi);
/// Notes a line: an accepted offer, or a refusal.
void add_import_line(store::Database& database, const std::string& id, std::uint64_t line,
                     const std::optional<profile::DiscoveryImsi>& dimsi, const base::Error* refusal);
/// The whole body is stored.
void end_import(store::Database& database, const std::string& id);

std::optional<ImportStatus> find_import(store::Database& database, const std::string& id);

/// Counts a device's new state in the imports that go by it: those which have it since it was last PRELOADED, for that is their end; inside the
/// transaction that changes the state.
void count_in_imports(store::Database& database, const profile::DiscoveryImsi& dimsi, State before, State after);

/// The number of the last line; 0 if there is none.
std::uint64_t find_last_line(store::Database& database, const std::string& id);
/// Refused lines and failed devices among the lines from `first` to `last`, in order.
std::vector<ImportProblem> find_import_problems(store::Database& database, const std::string& id, std::uint64_t first,
                                                std::uint64_t last);

}  // namespace ausf_ext

#include "nf-ausf-ext/imports.hpp"

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

constexpr const char* kBegin = "INSERT INTO imports (id, received, is_read, offered_by) VALUES ($1, 0, 0, $2)";
constexpr const char* kCountLine =
    "UPDATE imports SET received = received + 1, preloaded = preloaded + $2, failed = failed + $3 WHERE id = $1";
constexpr const char* kAddLine =
    "INSERT INTO import_lines (import_id, line, dimsi, cause, detail, outcome) VALUES ($1, $2, $3, $4, $5, $6)";
constexpr const char* kEnd = "UPDATE imports SET is_read = 1 WHERE id = $1";
constexpr const char* kFindImport = "SELECT received, is_read, preloaded, failed, offered_by FROM imports WHERE id = $1";
/// A device may stand in several lines, of several imports.
constexpr const char* kCountDevice =
    "UPDATE imports SET preloaded = preloaded + $2 * open.lines, failed = failed + $3 * open.lines "
    "FROM (SELECT import_id, count(*) AS lines FROM import_lines WHERE dimsi = $1 AND outcome IS NULL GROUP BY import_id) AS open "
    "WHERE imports.id = open.import_id";
constexpr const char* kSettle = "UPDATE import_lines SET outcome = $2, cause = $3, detail = $4 WHERE dimsi = $1 AND outcome IS NULL";
constexpr const char* kCountOpen = "SELECT count(*) FROM (SELECT 1 FROM import_lines WHERE dimsi = $1 AND outcome IS NULL LIMIT $2)";
constexpr const char* kFindLastLine = "SELECT max(line) FROM import_lines WHERE import_id = $1";
constexpr const char* kFindProblems =
    "SELECT l.line, l.dimsi, coalesce(nullif(l.cause, ''), nullif(d.problem_cause, ''), 'UNSPECIFIED_MSG_FAILURE'), "
    "coalesce(l.detail, d.problem_detail, '') FROM import_lines l JOIN imports i ON i.id = l.import_id "
    "LEFT JOIN devices d ON d.dimsi = l.dimsi AND l.outcome IS NULL AND d.offered_by IS i.offered_by "  // another provider's offer is not told
    "WHERE l.import_id = $1 AND l.line BETWEEN $2 AND $3 AND (l.outcome = 2 OR d.state = 6) ORDER BY l.line";

/// Lines of one device whose imports go by it.
constexpr std::uint64_t kMostOpen = 16;

enum class Outcome : std::int64_t { preloaded = 1, failed = 2 };

/// As what a device in that state counts.
std::int64_t as_preloaded(State state) { return state >= State::preloaded && state <= State::retired ? 1 : 0; }
std::int64_t as_failed(State state) { return state == State::failed ? 1 : 0; }

/// The open lines of the device are what they are for good. They have been counted.
void settle(Database& database, const profile::DiscoveryImsi& dimsi, Outcome outcome, const std::optional<Problem>& problem) {
  const auto cause = problem ? std::optional(problem->cause) : std::nullopt;
  const auto detail = problem ? std::optional(problem->detail) : std::nullopt;
  database.run(kSettle, dimsi.packed(), static_cast<std::int64_t>(outcome), cause, detail);
}

}  // namespace

void begin_import(Database& database, const std::string& id, const Provider& offered_by) { database.run(kBegin, id, offered_by); }

void require_open_line(Database& database, const profile::DiscoveryImsi& dimsi) {
  const auto is_full = [&] {
    Rows rows = database.query(kCountOpen, dimsi.packed(), kMostOpen);
    return rows.next() && rows.number(0) == kMostOpen;
  }();
  if (!is_full) return;
  const auto device = find_device(database, dimsi);
  if (device && device->state == State::failed) return settle(database, dimsi, Outcome::failed, device->problem);
  throw base::Error(base::ErrorKind::conflict, "DEVICE_EXISTS",
                    "this dIMSI stands in " + std::to_string(kMostOpen) + " lines of imports already, which wait for it");
}

void add_import_line(Database& database, const std::string& id, std::uint64_t line,
                     const std::optional<profile::DiscoveryImsi>& dimsi, const base::Error* refusal) {
  const auto packed = dimsi ? std::optional(dimsi->packed()) : std::nullopt;
  const auto cause = refusal != nullptr ? std::optional(refusal->cause()) : std::nullopt;
  const auto detail = refusal != nullptr ? std::optional<std::string>(refusal->what()) : std::nullopt;
  const auto device = dimsi && refusal == nullptr ? find_device(database, *dimsi) : std::nullopt;
  const std::int64_t preloaded = device ? as_preloaded(device->state) : 0;
  const std::int64_t failed = refusal != nullptr ? 1 : device ? as_failed(device->state) : 0;
  std::optional<std::int64_t> outcome;
  if (preloaded > 0) outcome = static_cast<std::int64_t>(Outcome::preloaded);
  if (refusal != nullptr) outcome = static_cast<std::int64_t>(Outcome::failed);
  database.run(kCountLine, id, preloaded, failed);
  database.run(kAddLine, id, line, packed, cause, detail, outcome);
}

void end_import(Database& database, const std::string& id) { database.run(kEnd, id); }

std::optional<ImportStatus> find_import(Database& database, const std::string& id) {
  Rows rows = database.query(kFindImport, id);
  if (!rows.next()) return std::nullopt;
  ImportStatus status{false, rows.number(0), rows.number(2), rows.number(3), std::nullopt};
  if (!rows.is_null(4)) status.offered_by = rows.text(4);
  status.is_done = rows.integer(1) != 0 && status.preloaded + status.failed == status.received;
  return status;
}

void count_in_imports(Database& database, const profile::DiscoveryImsi& dimsi, State before, State after) {
  const std::int64_t preloaded = as_preloaded(after) - as_preloaded(before);
  const std::int64_t failed = as_failed(after) - as_failed(before);
  if (preloaded != 0 || failed != 0) database.run(kCountDevice, dimsi.packed(), preloaded, failed);
  if (preloaded > 0) settle(database, dimsi, Outcome::preloaded, std::nullopt);
}

std::uint64_t find_last_line(Database& database, const std::string& id) {
  Rows rows = database.query(kFindLastLine, id);
  return rows.next() ? rows.number(0) : 0;
}

std::vector<ImportProblem> find_import_problems(Database& database, const std::string& id, std::uint64_t first,
                                                std::uint64_t last) {
  std::vector<ImportProblem> out;
  Rows rows = database.query(kFindProblems, id, first, last);
  while (rows.next()) {
    const auto dimsi = rows.is_null(1) ? std::nullopt : profile::DiscoveryImsi::from_packed(rows.number(1));
    out.push_back({rows.number(0), dimsi, rows.text(2), rows.text(3)});
  }
  return out;
}

}  // namespace ausf_ext

#include "nf-ausf-ext/imports.hpp"

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

constexpr const char* kBegin = "INSERT INTO imports (id, received, is_read) VALUES ($1, 0, 0)";
constexpr const char* kCountLine = "UPDATE imports SET received = received + 1 WHERE id = $1";
constexpr const char* kAddLine =
    "INSERT INTO import_lines (import_id, line, dimsi, cause, detail) VALUES ($1, $2, $3, $4, $5)";
constexpr const char* kEnd = "UPDATE imports SET is_read = 1 WHERE id = $1";
constexpr const char* kFind = "SELECT received, is_read FROM imports WHERE id = $1";
// A device counts with its present state: 2 to 5 are PRELOADED to RETIRED, 6 is FAILED.
constexpr const char* kCount =
    "SELECT count(*) FILTER (WHERE l.cause IS NULL AND d.state BETWEEN 2 AND 5), "
    "count(*) FILTER (WHERE l.cause IS NOT NULL OR d.state = 6) "
    "FROM import_lines l LEFT JOIN devices d ON d.dimsi = l.dimsi WHERE l.import_id = $1";
constexpr const char* kFindProblems =
    "SELECT l.line, l.dimsi, coalesce(l.cause, d.problem_cause, ''), coalesce(l.detail, d.problem_detail, '') "
    "FROM import_lines l LEFT JOIN devices d ON d.dimsi = l.dimsi "
    "WHERE l.import_id = $1 AND l.line > $2 AND (l.cause IS NOT NULL OR d.state = 6) ORDER BY l.line LIMIT $3";

}  // namespace

void begin_import(Database& database, const std::string& id) { database.run(kBegin, id); }

void add_import_line(Database& database, const std::string& id, std::uint64_t line,
                     const std::optional<profile::DiscoveryImsi>& dimsi, const base::Error* refusal) {
  const auto packed = dimsi ? std::optional(dimsi->packed()) : std::nullopt;
  const auto cause = refusal != nullptr ? std::optional(refusal->cause()) : std::nullopt;
  const auto detail = refusal != nullptr ? std::optional<std::string>(refusal->what()) : std::nullopt;
  database.run(kCountLine, id);
  database.run(kAddLine, id, line, packed, cause, detail);
}

void end_import(Database& database, const std::string& id) { database.run(kEnd, id); }

std::optional<ImportStatus> find_import(Database& database, const std::string& id) {
  ImportStatus status;
  {
    Rows rows = database.query(kFind, id);
    if (!rows.next()) return std::nullopt;
    status.received = rows.number(0);
    status.is_done = rows.integer(1) != 0;
  }
  Rows rows = database.query(kCount, id);
  rows.next();
  status.preloaded = rows.number(0);
  status.failed = rows.number(1);
  status.is_done = status.is_done && status.preloaded + status.failed == status.received;
  return status;
}

std::vector<ImportProblem> find_import_problems(Database& database, const std::string& id, std::uint64_t after,
                                                std::size_t limit) {
  std::vector<ImportProblem> out;
  Rows rows = database.query(kFindProblems, id, after, static_cast<std::uint64_t>(limit));
  while (rows.next()) {
    const auto dimsi = rows.is_null(1) ? std::nullopt : profile::DiscoveryImsi::from_packed(rows.number(1));
    out.push_back({rows.number(0), dimsi, rows.text(2), rows.text(3)});
  }
  return out;
}

}  // namespace ausf_ext

#pragma once

#include <string>
#include <vector>

#include "lib/service/audit_log.hpp"

/// The lines of the audit log as texts; nothing here touches a file.
namespace service {

/// What may wait: of bounded size, and without the query, which may hold what is not the log's business.
AuditEvent bounded(AuditEvent event);
AuditItem bounded(AuditItem item);

/// Lines one behind the other, as they are put together.
class AuditLines {
 public:
  AuditLines(std::uint64_t seq, std::string hash) : seq_(seq), hash_(std::move(hash)) {}

  void add(const AuditEvent& event, base::Time at);
  /// A line an item, with what is common to them.
  void add(const AuditEvent& common, const std::vector<AuditItem>& items, base::Time at);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }  ///< of the last line
  [[nodiscard]] const std::string& hash() const noexcept { return hash_; }

 private:
  std::uint64_t seq_;
  std::string hash_;
  std::string text_;
};

}  // namespace service

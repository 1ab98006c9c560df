#pragma once

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"
#include "lib/service/audit_log.hpp"

namespace service {

/// What a function records of the requests that it serves; nothing, where no audit log is configured. Cheap to copy.
class Audit {
 public:
  Audit() = default;
  /// The log outlives it; null: there is none.
  explicit Audit(AuditLog* log) : log_(log) {}

  /// To be asked before record(), so that nobody pays for a log that there is not.
  [[nodiscard]] bool is_on() const noexcept { return log_ != nullptr; }

  /// Records what was done for the request's peer; resumes once that is durable: answer then. Throws what AuditLog::record() throws. Only
  /// while is_on().
  boost::asio::awaitable<void> record(const sbi::Request& request, AuditEvent event) const {
    return log_->record(about(request, std::move(event)));
  }

  /// Records what was done and refused of a request's many items, one to kMaxAuditItems at a time; `common` is about() the request. Resumes once all
  /// lines are durable. Throws what AuditLog::record_all() throws. Only while is_on().
  boost::asio::awaitable<void> record_all(AuditEvent common, std::vector<AuditItem> items) const {
    return log_->record_all(std::move(common), std::move(items));
  }

  /// Records what was done for the request's peer; nobody waits for it.
  void note(const sbi::Request& request, AuditEvent event) const {
    if (is_on()) log_->note(about(request, std::move(event)));
  }

  /// Records what the function did by itself; nobody waits for it.
  void note(AuditEvent event) const {
    if (is_on()) log_->note(std::move(event));
  }

  /// A request that is refused.
  void note_refusal(const sbi::Request& request, const base::Error& refused) const {
    if (!is_on()) return;
    AuditEvent event;
    event.action = AuditAction::refusal;
    event.outcome = AuditOutcome::refused;
    event.cause = refused.cause();
    event.detail = refused.what();
    note(request, std::move(event));
  }

  /// The event, with who asked and for what.
  static AuditEvent about(const sbi::Request& request, AuditEvent event = {}) {
    event.peer = request.peer.name;
    event.address = request.peer.address;
    event.target = request.method + " " + request.target;
    return event;
  }

 private:
  AuditLog* log_ = nullptr;
};

}  // namespace service

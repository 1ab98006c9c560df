#pragma once

#include <exception>
#include <string>

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"
#include "lib/service/audit_log.hpp"
#include "lib/service/refusal_pace.hpp"

namespace service {

/// What a function records of the requests that it serves; nothing, where no audit log is configured. Cheap to copy. With a pace it is of its loop's
/// thread, as far as refusals go.
class Audit {
 public:
  Audit() = default;
  /// The log outlives it; null: there is none. `pace`: of refusals, the loop's, which outlives it too; null: all are recorded.
  explicit Audit(AuditLog* log, RefusalPace* pace = nullptr) : log_(log), pace_(pace) {}

  /// To be asked before record(), so that nobody pays for a log that there is not.
  [[nodiscard]] bool is_on() const noexcept { return log_ != nullptr; }

  /// Records what was done for the request's peer; resumes once that is durable: answer then. Throws what AuditLog::record() throws. Only
  /// while is_on().
  boost::asio::awaitable<void> record(const sbi::Request& request, AuditEvent event) const {
    return log_->record(about(request, std::move(event)));
  }

  /// The same for a few lines that tell of one thing: all are durable, or none. Throws what AuditLog::record_together() throws. Only while is_on().
  boost::asio::awaitable<void> record_together(const sbi::Request& request, AuditEvent common, std::vector<AuditItem> few) const {
    return log_->record_together(about(request, std::move(common)), std::move(few));
  }

  /// Records that something begins which cannot be asked for again once it is done (a deletion: the peer that tries again finds nothing); resumes once that
  /// is durable: do it then, and tell note_end(). A line that no `ended` or `failed` follows tells of what was, or was not, done. The event's detail is what
  /// is said of it in both lines; it may be missing. Throws what AuditLog::record() throws: nothing may be done then. Only while is_on().
  boost::asio::awaitable<void> record_begin(const sbi::Request& request, AuditEvent event) const;

  /// How that ended: `failure` is what it threw, or null. Nobody waits for it, for the log has the line that says what was to be done.
  void note_end(const sbi::Request& request, AuditEvent event, const std::exception_ptr& failure) const;

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

  /// A request that is refused, as far as the pace of refusals admits it.
  void note_refusal(const sbi::Request& request, const base::Error& refused) const;

  /// A connection that is turned away for what its peer's certificate says, before it could ask for anything; the same. All of them count as one peer's.
  void note_turn_away(const sbi::Peer& peer, const std::string& why) const;

  /// How many refusals the pace has left out, if any, since a line said so last.
  void note_left_out() const;

  /// The event, with who asked and for what.
  static AuditEvent about(const sbi::Request& request, AuditEvent event = {}) {
    event.peer = request.peer.name;
    event.address = request.peer.address;
    event.target = request.method + " " + request.target;
    return event;
  }

 private:
  /// Whether one more refusal of that peer is to be recorded; tells of those that were not before it is.
  [[nodiscard]] bool admits_refusal_of(const std::string& key) const;
  static std::string host_of(const std::string& address);

  AuditLog* log_ = nullptr;
  RefusalPace* pace_ = nullptr;
};

}  // namespace service

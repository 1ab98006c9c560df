#include "lib/service/audit.hpp"

namespace service {
namespace {

/// `ended`, or `ended: claimed at ...`.
std::string with_detail(std::string stage, const AuditEvent& event) {
  if (event.detail) stage += ": " + *event.detail;
  return stage;
}

}  // namespace

boost::asio::awaitable<void> Audit::record_begin(const sbi::Request& request, AuditEvent event) const {
  event.detail = with_detail("begins", event);
  return record(request, std::move(event));
}

void Audit::note_end(const sbi::Request& request, AuditEvent event, const std::exception_ptr& failure) const {
  if (!is_on()) return;
  event.detail = with_detail("ended", event);
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const base::Error& error) {
    event.outcome = AuditOutcome::refused;
    event.cause = error.cause();
    event.detail = std::string("failed: ") + error.what();
  } catch (...) {  // the function's log says what it was
    event.outcome = AuditOutcome::refused;
    event.detail = "failed";
  }
  note(request, std::move(event));
}

void Audit::note_refusal(const sbi::Request& request, const base::Error& refused) const {
  if (!admits_refusal_of(request.peer.is_anonymous() ? host_of(request.peer.address) : request.peer.name)) return;
  const auto* const concealed = dynamic_cast<const base::ConcealedRefusal*>(&refused);
  AuditEvent event;
  event.action = AuditAction::refusal;
  event.outcome = AuditOutcome::refused;
  event.cause = refused.cause();
  event.detail = concealed == nullptr ? refused.what() : concealed->known();
  note(request, std::move(event));
}

void Audit::note_turn_away(const sbi::Peer& peer, const std::string& why) const {
  if (!admits_refusal_of("a connection that was turned away")) return;
  AuditEvent event;
  event.action = AuditAction::refusal;
  event.outcome = AuditOutcome::refused;
  event.peer = peer.name;
  event.address = peer.address;
  event.detail = "turned away: " + why;
  note(std::move(event));
}

void Audit::note_left_out() const {
  const std::size_t count = is_on() && pace_ != nullptr ? pace_->take_left_out() : 0;
  if (count == 0) return;
  note({.action = AuditAction::dropped, .detail = "refusals that were not recorded, for there were too many: " + std::to_string(count)});
}

bool Audit::admits_refusal_of(const std::string& key) const {
  if (!is_on()) return false;
  if (pace_ == nullptr) return true;
  if (!pace_->admits(key, RefusalPace::Instant::clock::now())) return false;
  note_left_out();
  return true;
}

std::string Audit::host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }

}  // namespace service

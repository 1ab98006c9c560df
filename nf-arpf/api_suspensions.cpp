#include "nf-arpf/api_suspensions.hpp"

#include <algorithm>

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"
#include "lib/sbi/json.hpp"

namespace arpf {
namespace {

using nlohmann::ordered_json;
using sbi::Request;
using sbi::Response;

/// 64 hex digits, or with colons between the octets as OpenSSL prints them.
Fingerprint read_fingerprint(const Request& request) {
  std::string digits = request.path("fingerprint");
  std::erase(digits, ':');
  const auto octets = digits.size() == 64 ? base::from_hex(digits) : std::nullopt;
  if (!octets) sbi::fail_path_parameter("fingerprint", "is not SHA-256 of a part number's public key (SubjectPublicKeyInfo), 64 hex digits");
  Fingerprint out{};
  std::ranges::copy(*octets, out.begin());
  return out;
}

ordered_json write(const Suspension& suspension) {
  return {{"partNumber", base::to_hex(suspension.part_number)},
          {"suspendedAt", base::to_rfc3339(suspension.suspended_at)},
          {"suspendedBy", suspension.suspended_by}};
}

Suspension require_suspension(const Suspensions& suspensions, const Fingerprint& part_number) {
  auto found = suspensions.find(part_number);
  if (!found) throw base::Error(base::ErrorKind::not_found, "CONTEXT_NOT_FOUND", "this part number is not suspended");
  return std::move(*found);
}

service::AuditEvent suspension_event(const char* what, const Fingerprint& part_number) {
  service::AuditEvent event;
  event.action = service::AuditAction::suspend;
  event.detail = what + base::to_hex(part_number);
  return event;
}

}  // namespace

void SuspensionApi::add_routes(sbi::Router& router) {
  using sbi::BodyKind;
  const std::string root = "/narpf-keys/v1/suspensions";
  router.add("GET", root, BodyKind::none, sbi::PlainHandler([this](const Request& request) { return list(request); }));
  router.add("GET", root + "/{fingerprint}", BodyKind::none, sbi::PlainHandler([this](const Request& request) { return get(request); }));
  router.add("PUT", root + "/{fingerprint}", BodyKind::none, sbi::WaitingHandler([this](const Request& request) { return put(request); }));
  router.add("DELETE", root + "/{fingerprint}", BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return remove(request); }));
}

/// GET /narpf-keys/v1/suspensions
Response SuspensionApi::list(const Request&) const {
  ordered_json out = ordered_json::array();
  for (const Suspension& suspension : suspensions_.all()) out.push_back(write(suspension));
  return {200, sbi::kJson, out.dump()};
}

/// GET /narpf-keys/v1/suspensions/{fingerprint}
Response SuspensionApi::get(const Request& request) const {
  return {200, sbi::kJson, write(require_suspension(suspensions_, read_fingerprint(request))).dump()};
}

/// PUT /narpf-keys/v1/suspensions/{fingerprint}: no key of this part number is released from now on. Again: 200, no change.
SuspensionApi::Answer SuspensionApi::put(const Request& request) {
  const Fingerprint part_number = read_fingerprint(request);
  const bool is_new = co_await suspensions_.suspend(part_number, request.peer.name);
  if (audit_.is_on()) co_await audit_.record(request, suspension_event("suspended: ", part_number));
  std::string body = write(require_suspension(suspensions_, part_number)).dump();
  co_return Response(is_new ? 201 : 200, sbi::kJson, std::move(body));
}

/// DELETE /narpf-keys/v1/suspensions/{fingerprint}
SuspensionApi::Answer SuspensionApi::remove(const Request& request) {
  const Fingerprint part_number = read_fingerprint(request);
  const service::AuditEvent event = suspension_event("lifted: ", part_number);
  if (audit_.is_on()) {
    co_await suspensions_.require_suspended(part_number);
    co_await audit_.record_begin(request, event);
  }
  std::exception_ptr failure;
  try {
    co_await suspensions_.lift(part_number);
  } catch (...) {
    failure = std::current_exception();
  }
  audit_.note_end(request, event, failure);
  if (failure) std::rethrow_exception(failure);
  co_return Response(204);
}

}  // namespace arpf

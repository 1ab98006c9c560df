#include "nf-arpf/api.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include "lib/sbi/json.hpp"

namespace arpf {
namespace {

using nlohmann::ordered_json;
using sbi::Request;
using sbi::Response;

profile::DiscoveryImsi read_dimsi(const Request& request) {
  const auto dimsi = profile::DiscoveryImsi::from_digits(request.path("dimsi"));
  if (!dimsi) sbi::fail_path_parameter("dimsi", "is not 6 to 15 decimal digits");
  return *dimsi;
}

/// The answer's JSON. Digits and base64: nothing in it needs an escape.
std::string text_of(const profile::DiscoveryImsi& dimsi, const ReleasedKey& released) {
  return "{\"dimsi\":\"" + dimsi.digits() + "\",\"encryptedKey\":\"" + base::to_base64(released.encrypted_key) + "\",\"endorsement\":\"" +
         base::to_base64(released.endorsement) + "\"}";
}

service::AuditEvent event_of(service::AuditAction action, const profile::DiscoveryImsi& dimsi, const Claimant& claimant) {
  service::AuditEvent event;
  event.action = action;
  event.dimsi = dimsi.digits();
  event.operator_id = claimant;
  return event;
}

}  // namespace

void Api::add_routes(sbi::Router& router) {
  using sbi::BodyKind;
  router.add("GET", "/narpf-certificates/v1/certificates", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return list_certificates(request); }));
  router.add("GET", "/narpf-certificates/v1/certificates/{keyId}", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return get_certificate(request); }));
  router.add("POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", BodyKind::json,
             sbi::WaitingHandler([this](const Request& request) { return retrieve_key(request); }));
  router.add("GET", "/narpf-keys/v1/claims/{dimsi}", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return get_claim(request); }));
  router.add("DELETE", "/narpf-keys/v1/claims/{dimsi}", BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return release_claim(request); }));
  router.add("POST", "/narpf-keys/v1/claims/{dimsi}/retire", BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return retire(request); }));
}

Claimant Api::claimant_of(const sbi::Peer& peer) const {
  if (config_.administrators.contains(peer.name)) return std::nullopt;
  return operator_of(peer);
}

Claimant Api::operator_of(const sbi::Peer& peer) const {
  if (peer.is_anonymous()) return std::nullopt;
  const auto known = config_.operators_by_peer.find(peer.name);
  base::require(known != config_.operators_by_peer.end(), "NOT_OWNER", "the caller is no operator that this ARPF knows");
  return known->second;
}

/// GET /narpf-certificates/v1/certificates: step (0-a).
Response Api::list_certificates(const Request&) const {
  ordered_json list = ordered_json::array();
  for (const PublishedCertificate& published : certificates_.all()) {
    list.push_back({{"keyId", published.key_id},
                    {"usage", published.usage},
                    {"certificate", base::to_base64(published.certificate.der())},
                    {"notAfter", base::to_rfc3339(published.certificate.not_after())}});
  }
  return {200, sbi::kJson, list.dump()};
}

/// GET /narpf-certificates/v1/certificates/{keyId}: step (0-a), DER or PEM.
Response Api::get_certificate(const Request& request) const {
  const PublishedCertificate& published = certificates_.find(request.path("keyId"));
  const auto& fields = request.headers.fields();
  const bool wants_pem = std::any_of(fields.begin(), fields.end(), [](const sbi::Header& field) {
    return field.name == "accept" && field.value.find("application/x-pem-file") != std::string::npos;
  });
  if (wants_pem) {
    return {200, "application/x-pem-file", published.certificate.pem()};
  }
  const base::Bytes& der = published.certificate.der();
  return {200, "application/pkix-cert", std::string(base::as_text(der))};
}

/// POST /narpf-keys/v1/devices/{dimsi}/retrieve-key: step (0-e).
Api::Answer Api::retrieve_key(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Claimant claimant = operator_of(request.peer);
  const KeyRequest body = read_retrieval(request);
  const ClaimedKey claimed = co_await release_.claim(dimsi, body.credentials, body.operator_certificate, claimant);
  co_await sbi::later_turn(request);
  ReleasedKey released;
  std::exception_ptr not_sealed;  // an HSM is out of reach: the dIMSI is claimed nevertheless, which is told of
  try {
    released = release_.seal_and_endorse(claimed);
  } catch (const crypto::CryptoError&) {
    not_sealed = std::current_exception();
  }
  if (audit_.is_on()) co_await record_release(request, dimsi, claimed, not_sealed == nullptr);
  if (not_sealed) std::rethrow_exception(not_sealed);
  std::string answer = text_of(dimsi, released);
  co_return Response(200, sbi::kJson, std::move(answer));
}

/// The body of retrieve-key. What cannot be read as certificates and a token is a key that was refused: the router, which knows no more than that it is
/// 400, does not tell of it.
KeyRequest Api::read_retrieval(const Request& request) {
  try {
    std::optional<KeyRequest> usual = read_usual_key_request(request.body, known_);
    return usual ? std::move(*usual) : read_key_request(request.body, known_);
  } catch (const base::Error& refused) {
    audit_.note_refusal(request, refused);
    throw;
  }
}

/// Before the key leaves. An operator that asks again may do so because the line of its claim was lost with the disk, and so it is told again; with its
/// own time, and in one piece with the release.
boost::asio::awaitable<void> Api::record_release(const Request& request, profile::DiscoveryImsi dimsi, const ClaimedKey& claimed, bool is_released) {
  service::AuditEvent common;
  common.operator_id = claimed.operator_id;
  std::vector<service::AuditItem> lines(2);
  lines[0].action = service::AuditAction::claim;
  if (claimed.claimed_since) lines[0].detail = "held already, since " + base::to_rfc3339(*claimed.claimed_since);
  lines[1].action = service::AuditAction::release;
  if (!is_released) {
    lines.pop_back();
    lines[0].detail = (lines[0].detail ? *lines[0].detail + "; " : "") + "no key was released: the log of this function says why";
  }
  for (service::AuditItem& line : lines) line.dimsi = dimsi.digits();
  co_await audit_.record_together(request, std::move(common), std::move(lines));
}

/// GET /narpf-keys/v1/claims/{dimsi}
Response Api::get_claim(const Request& request) const {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Claimant claimant = claimant_of(request.peer);
  const auto claim = claims_.find(dimsi);
  if (!claim) throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "nobody claims this dIMSI");
  base::require(!claimant || *claimant == claim->operator_id, "NOT_OWNER", "another operator claims this dIMSI");
  const ordered_json answer{{"dimsi", dimsi.digits()},
                            {"operator", claim->operator_id},
                            {"claimedAt", base::to_rfc3339(claim->claimed_at)},
                            {"retrievals", claim->retrievals}};
  return {200, sbi::kJson, answer.dump()};
}

/// DELETE /narpf-keys/v1/claims/{dimsi}: the dIMSI is free for another operator, its token spent. While the line of the audit log comes to the disk, the claim
/// may become another one: what that line names is released, or nothing.
Api::Answer Api::release_claim(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Claimant claimant = claimant_of(request.peer);
  service::AuditEvent event;
  std::optional<Claim> seen;
  if (audit_.is_on()) {
    seen = co_await claims_.require_releasable(dimsi, claimant);
    event = event_of(service::AuditAction::release_claim, dimsi, seen->operator_id);
    event.detail = "claimed " + base::to_rfc3339(seen->claimed_at);
    co_await audit_.record_begin(request, event);
  }
  std::exception_ptr failure;
  try {
    co_await claims_.release(dimsi, claimant, seen);
  } catch (...) {
    failure = std::current_exception();
  }
  audit_.note_end(request, std::move(event), failure);
  if (failure) std::rethrow_exception(failure);
  co_return Response(204);
}

/// POST /narpf-keys/v1/claims/{dimsi}/retire: the token is spent, the claim kept (step 11).
Api::Answer Api::retire(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Claimant claimant = claimant_of(request.peer);
  const Claim retired = co_await claims_.retire(dimsi, claimant);
  if (audit_.is_on()) {
    service::AuditEvent event = event_of(service::AuditAction::retire, dimsi, retired.operator_id);
    co_await audit_.record(request, std::move(event));
  }
  co_return Response(204);
}

}  // namespace arpf

#include "nf-d-ausf/api.hpp"

#include "lib/core/ueau.hpp"
#include "lib/crypto/cipher.hpp"
#include "nf-d-ausf/api_bulk_load.hpp"

namespace d_ausf {
namespace {

using nlohmann::ordered_json;
using sbi::BodyKind;
using sbi::JsonObject;
using sbi::Request;
using sbi::Response;

profile::DiscoveryImsi read_dimsi(const Request& request) {
  const auto dimsi = profile::DiscoveryImsi::from_digits(request.path("dimsi"));
  if (!dimsi) sbi::fail_path_parameter("dimsi", "is not 6 to 15 decimal digits");
  return *dimsi;
}

Owner owner_of(const sbi::Peer& peer) {
  if (peer.is_anonymous()) return std::nullopt;
  return peer.name;
}

Preconditions read_preconditions(const Request& request) {
  return {std::string(request.headers.find("if-match").value_or("")),
          std::string(request.headers.find("if-none-match").value_or(""))};
}

std::string write_record(const profile::DiscoveryImsi& dimsi, const StoredVector& stored) {
  ordered_json body{{"dimsi", dimsi.digits()},
                    {"rand", base::to_hex(stored.vector.challenge.rand)},
                    {"autn", base::to_hex(stored.vector.challenge.autn)},
                    {"imsi", stored.vector.imsi.digits()},
                    {"owner", stored.owner},
                    {"createdAt", base::to_rfc3339(stored.created_at)},
                    {"served", stored.served}};
  if (stored.last_served_at) body["lastServedAt"] = base::to_rfc3339(*stored.last_served_at);
  if (stored.last_serving_network) body["lastServingNetwork"] = *stored.last_serving_network;
  if (stored.received_at) body["receivedAt"] = base::to_rfc3339(*stored.received_at);
  return body.dump();
}

/// The device has refused the challenge; receipts are not taken here yet (PROTOCOL.md, section 7.5: nothing recorded).
void refuse_resynchronization(const core::AuthenticationRequest& wanted) {
  if (!wanted.resynchronization) return;
  throw base::Error(base::ErrorKind::gateway_timeout, "NETWORK_FAILURE", "a dIMSI is not resynchronised");
}

}  // namespace

void Api::add_routes(sbi::Router& router) {
  add_vector_routes(router);
  const auto end = sbi::PlainHandler([this](const Request& request) { return end_context(request); });
  router.add("POST", "/nausf-auth/v1/ue-authentications", BodyKind::json,
             sbi::PlainHandler([this](const Request& request) { return authenticate(request); }));
  router.add("PUT", "/nausf-auth/v1/ue-authentications/{authCtxId}/5g-aka-confirmation", BodyKind::json,
             sbi::PlainHandler([this](const Request& request) { return confirm(request); }));
  router.add("DELETE", "/nausf-auth/v1/ue-authentications/{authCtxId}/5g-aka-confirmation", BodyKind::none, end);
  router.add("POST", "/nudm-ueau/v1/{supiOrSuci}/security-information/generate-auth-data", BodyKind::json,
             sbi::PlainHandler([this](const Request& request) { return generate_auth_data(request); }));
}

void Api::add_vector_routes(sbi::Router& router) {
  const char* const one = "/ndausf-vectors/v1/vectors/{dimsi}";
  router.add("PUT", one, BodyKind::json, sbi::WaitingHandler([this](const Request& request) { return put_vector(request); }));
  router.add("GET", one, BodyKind::none, sbi::PlainHandler([this](const Request& request) { return get_vector(request); }));
  router.add("DELETE", one, BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return delete_vector(request); }));
  router.add("POST", "/ndausf-vectors/v1/vectors", BodyKind::ndjson,
             sbi::StreamingHandler([this](const Request& request, sbi::BodyReader& body) { return load_vectors(request, body); }));
}

/// PUT /ndausf-vectors/v1/vectors/{dimsi}: a target AUSF preloads a vector, step (2).
Api::Answer Api::put_vector(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const nlohmann::json body = sbi::parse_json(request.body);
  const Vector vector = read_vector(JsonObject(body));
  const Owner owner = owner_of(request.peer);
  const Preconditions conditions = read_preconditions(request);
  const AcceptedVector accepted = co_await accept_.put(dimsi, vector, owner, conditions);
  Response response(accepted.is_new ? 201 : 200, sbi::kJson, write_record(dimsi, accepted.stored));
  response.with("etag", version_of(accepted.stored.vector));
  if (accepted.is_new) response.with("location", request.api_root() + request.target);
  co_return std::move(response);
}

/// GET /ndausf-vectors/v1/vectors/{dimsi}: for its owner.
Response Api::get_vector(const Request& request) const {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const StoredVector stored = serve_.record(dimsi);
  const Owner owner = owner_of(request.peer);
  base::require(!owner || *owner == stored.owner, "NOT_OWNER", "another target AUSF preloaded this dIMSI");
  return Response(200, sbi::kJson, write_record(dimsi, stored)).with("etag", version_of(stored.vector));
}

/// DELETE /ndausf-vectors/v1/vectors/{dimsi}
Api::Answer Api::delete_vector(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Owner owner = owner_of(request.peer);
  const Preconditions conditions = read_preconditions(request);
  co_await accept_.remove(dimsi, owner, conditions);
  co_return Response(204);
}

/// POST /ndausf-vectors/v1/vectors: NDJSON, a vector a line.
Api::Answer Api::load_vectors(const Request& request, sbi::BodyReader& body) {
  BulkLoad load(accept_, owner_of(request.peer));
  while (true) {
    std::optional<std::string> octets = co_await body.next();
    if (!octets) break;
    co_await load.add(std::move(*octets));
  }
  co_await load.finish();
  co_return Response(200, sbi::kJson, load.report());
}

/// POST /nausf-auth/v1/ue-authentications: steps (4) and (5). HXRES* is random: nothing that a device answers can match it.
Response Api::authenticate(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_authentication_info(request, home_network_keys_);
  const profile::DiscoveryImsi dimsi(wanted.subscriber.imsi);
  refuse_resynchronization(wanted);
  const profile::DiscoveryVector vector = serve_(dimsi, wanted.serving_network_name);
  return core::ue_authentication_context(request, contexts_.make(dimsi),
                                         {vector.rand, vector.autn, crypto::random_octets<16>()});
}

/// PUT .../5g-aka-confirmation: a dIMSI is never authenticated for service.
Response Api::confirm(const Request& request) const {
  contexts_.check(request.path("authCtxId"));
  (void)core::read_confirmation(request);
  return core::authentication_failure();
}

/// DELETE .../5g-aka-confirmation: there is nothing to forget.
Response Api::end_context(const Request& request) const {
  contexts_.check(request.path("authCtxId"));
  return Response(204);
}

/// POST /nudm-ueau/v1/{supiOrSuci}/security-information/generate-auth-data: the same behind an existing AUSF.
Response Api::generate_auth_data(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_generate_auth_data(request, home_network_keys_);
  const profile::DiscoveryImsi dimsi(wanted.subscriber.imsi);
  refuse_resynchronization(wanted);
  const profile::DiscoveryVector vector = serve_(dimsi, wanted.serving_network_name);
  const aka::ResStar xres_star(crypto::random_octets<16>());
  const aka::Kausf kausf(crypto::random_octets<32>());
  return core::authentication_info_result(wanted.subscriber.imsi, {vector.rand, vector.autn, xres_star, kausf});
}

}  // namespace d_ausf

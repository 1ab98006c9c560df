#include "nf-d-ausf/api.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/core/ueau.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/sbi/broken_import.hpp"
#include "nf-d-ausf/api_bulk_load.hpp"
#include "nf-d-ausf/api_read_vector.hpp"

namespace d_ausf {
namespace {

using nlohmann::ordered_json;
using sbi::BodyKind;
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

service::AuditEvent event_of(service::AuditAction action, const profile::DiscoveryImsi& dimsi, const std::optional<profile::Imsi>& imsi) {
  service::AuditEvent event;
  event.action = action;
  event.dimsi = dimsi.digits();
  if (imsi) event.imsi = imsi->digits();
  return event;
}

Preconditions read_preconditions(const Request& request) {
  return {sbi::EntityTags::of(request, "if-match"), sbi::EntityTags::of(request, "if-none-match")};
}

std::string write_record(const profile::DiscoveryImsi& dimsi, const StoredVector& stored) {
  sbi::ObjectWriter record;
  record.text("dimsi", dimsi.digits())
      .hex("rand", stored.vector.challenge.rand)
      .hex("autn", stored.vector.challenge.autn)
      .text("imsi", stored.vector.imsi.digits())
      .text("owner", stored.owner)
      .text("createdAt", base::to_rfc3339(stored.created_at))
      .integer("served", stored.served);
  if (stored.last_served_at) record.text("lastServedAt", base::to_rfc3339(*stored.last_served_at));
  if (stored.last_serving_network) record.text("lastServingNetwork", *stored.last_serving_network);
  if (stored.received_at) record.text("receivedAt", base::to_rfc3339(*stored.received_at));
  return std::move(record).finish();
}

/// RAND and AUTN as they were preloaded; all else is random, and nothing that a device answers can match it.
core::HssVector with_random_keys(core::HssAuthType type, const profile::DiscoveryVector& challenge) {
  const auto [rand, autn] = challenge;
  aka::Res xres(crypto::random_octets<8>());
  if (type == core::HssAuthType::eps_aka) {
    return core::EpsVector{rand, autn, std::move(xres), aka::Kasme(crypto::random_octets<32>())};
  }
  const auto first = crypto::random_octets<16>();
  const auto second = crypto::random_octets<16>();
  if (type == core::HssAuthType::eap_aka_prime) {
    return core::EapAkaPrimeVector{rand, autn, std::move(xres), aka::CkPrime(first), aka::IkPrime(second)};
  }
  return core::UmtsVector{rand, autn, std::move(xres), aka::Ck(first), aka::Ik(second)};
}

/// The serving network of a request of the 4G and IMS world, as the name that everything here knows.
std::string serving_network_of(const core::HssAuthenticationRequest& wanted) {
  return wanted.serving_network ? aka::serving_network_name(*wanted.serving_network) : std::string();
}

}  // namespace

void Api::add_routes(sbi::Router& router, core::SubscriberRoutes& routes) {
  add_vector_routes(router);
  add_ausf_routes(routes);
  add_udm_routes(routes);
}

void Api::add_ausf_routes(core::SubscriberRoutes& routes) {
  using core::NfKind;
  const std::string contexts = "/nausf-auth/v1/ue-authentications";
  const std::string confirmation = contexts + "/{authCtxId}/5g-aka-confirmation";
  sbi::RarelyWaitingHandler challenge;
  challenge.at_once = [this](const Request& request) { return authenticate(request); };
  challenge.waiting = [this](const Request& request) {
    const core::AuthenticationRequest wanted = core::read_authentication_info(request, parts_.home_network_keys);
    return answer_receipt(profile::DiscoveryImsi(wanted.subscriber.imsi), wanted.resynchronization.value(), wanted.serving_network_name);
  };
  routes.add_by_body("POST", contexts, NfKind::ausf, std::move(challenge));
  routes.add_by_body("POST", contexts + "/deregister", NfKind::ausf,
                     sbi::PlainHandler([this](const Request& request) { return deregister(request); }));
  routes.add_resource("PUT", confirmation, BodyKind::json, "authCtxId",
                      sbi::PlainHandler([this](const Request& request) { return confirm(request); }));
  routes.add_resource("DELETE", confirmation, BodyKind::none, "authCtxId",
                      sbi::PlainHandler([this](const Request& request) { return end_context(request); }));
  routes.add_rests(NfKind::ausf);
}

void Api::add_udm_routes(core::SubscriberRoutes& routes) {
  using core::NfKind;
  sbi::RarelyWaitingHandler data;
  data.at_once = [this](const Request& request) { return generate_auth_data(request); };
  data.waiting = [this](const Request& request) {
    const core::AuthenticationRequest wanted = core::read_generate_auth_data(request, parts_.home_network_keys);
    return answer_receipt(profile::DiscoveryImsi(wanted.subscriber.imsi), wanted.resynchronization.value(), wanted.serving_network_name);
  };
  sbi::RarelyWaitingHandler vector;
  vector.at_once = [this](const Request& request) { return generate_hss_av(request); };
  vector.waiting = [this](const Request& request) {
    const core::HssAuthenticationRequest wanted = core::read_hss_authentication(request);
    return answer_receipt(profile::DiscoveryImsi(wanted.imsi), wanted.resynchronization.value(), serving_network_of(wanted));
  };
  const std::string root = "/nudm-ueau/v1/";
  const auto remove = sbi::PlainHandler([this](const Request& request) { return remove_auth_event(request); });
  routes.add_by_path("POST", root + "{supiOrSuci}/security-information/generate-auth-data", BodyKind::json, NfKind::udm, std::move(data));
  routes.add_by_path("POST", root + "{supi}/hss-security-information/{hssAuthType}/generate-av", BodyKind::json, NfKind::udm,
                     std::move(vector));
  routes.add_by_path("POST", root + "{supi}/auth-events", BodyKind::json, NfKind::udm,
                     sbi::PlainHandler([this](const Request& request) { return create_auth_event(request); }));
  routes.add_by_path("PUT", root + "{supi}/auth-events/{authEventId}", BodyKind::json, NfKind::udm, remove);
  routes.add_by_path("PUT", root + "{supi}/auth-events", BodyKind::json, NfKind::udm, remove);  // as Open5GS sends it
  routes.add_rests(NfKind::udm);
}

void Api::add_vector_routes(sbi::Router& router) {
  const char* const one = "/ndausf-vectors/v1/vectors/{dimsi}";
  router.add("PUT", one, BodyKind::json, sbi::WaitingHandler([this](const Request& request) { return put_vector(request); }));
  router.add("GET", one, BodyKind::none, sbi::PlainHandler([this](const Request& request) { return get_vector(request); }));
  router.add("DELETE", one, BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return delete_vector(request); }));
  router.add("POST", "/ndausf-vectors/v1/vectors", BodyKind::ndjson,
             sbi::StreamingHandler([this](const Request& request, const std::shared_ptr<sbi::BodyReader>& body) {
               return load_vectors(request, *body);
             }));
}

/// PUT /ndausf-vectors/v1/vectors/{dimsi}: a target AUSF preloads a vector, step (2).
Api::Answer Api::put_vector(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Vector vector = read_vector(request.body);
  const Owner owner = owner_of(request.peer);
  const Preconditions conditions = read_preconditions(request);
  const AcceptedVector accepted = co_await parts_.accept.put(dimsi, vector, owner, conditions);
  if (parts_.audit.is_on()) {
    const auto action = accepted.is_new ? service::AuditAction::preload : service::AuditAction::replace;
    co_await parts_.audit.record(request, event_of(action, dimsi, vector.imsi));
  }
  Response response(accepted.is_new ? 201 : 200, sbi::kJson, write_record(dimsi, accepted.stored));
  response.with("etag", version_of(accepted.stored.vector));
  if (accepted.is_new) response.with("location", request.api_root() + request.target);
  co_return std::move(response);
}

/// GET /ndausf-vectors/v1/vectors/{dimsi}: for its owner.
Response Api::get_vector(const Request& request) const {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const StoredVector stored = parts_.serve.record(dimsi);
  const Owner owner = owner_of(request.peer);
  base::require(!owner || *owner == stored.owner, "NOT_OWNER", "another target AUSF preloaded this dIMSI");
  return Response(200, sbi::kJson, write_record(dimsi, stored)).with("etag", version_of(stored.vector));
}

/// DELETE /ndausf-vectors/v1/vectors/{dimsi}. While the line of the audit log comes to the disk, the vector may be replaced: what that line names is deleted,
/// or nothing.
Api::Answer Api::delete_vector(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const Owner owner = owner_of(request.peer);
  const Preconditions conditions = read_preconditions(request);
  service::AuditEvent event;
  std::optional<StoredVector> seen;
  if (parts_.audit.is_on()) {
    seen = co_await parts_.accept.require_removable(dimsi, owner, conditions);
    event = event_of(service::AuditAction::remove, dimsi, seen->vector.imsi);
    co_await parts_.audit.record_begin(request, event);
  }
  std::exception_ptr failure;
  try {
    co_await parts_.accept.remove(dimsi, owner, conditions, seen);
  } catch (...) {
    failure = std::current_exception();
  }
  parts_.audit.note_end(request, std::move(event), failure);
  if (failure) std::rethrow_exception(failure);
  co_return Response(204);
}

/// POST /ndausf-vectors/v1/vectors: NDJSON, a vector a line.
Api::Answer Api::load_vectors(const Request& request, sbi::BodyReader& body) {
  service::AuditEvent about;
  if (parts_.audit.is_on()) about = service::Audit::about(request);
  BulkLoad load(parts_.accept, owner_of(request.peer), parts_.imports.take(request.peer), parts_.audit, std::move(about));
  std::exception_ptr failure;
  try {
    while (true) {
      std::optional<std::string> octets = co_await body.next();
      if (!octets) break;
      co_await load.add(std::move(*octets), body);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    co_await load.finish();
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  if (parts_.audit.is_on()) {
    service::AuditEvent event;
    event.action = service::AuditAction::bulk_load;
    event.detail = load.summary() + (failure ? "; it broke off" : "");
    co_await parts_.audit.record(request, std::move(event));
  }
  if (failure) sbi::rethrow_of_import(failure, load.summary());
  co_return Response(200, sbi::kJson, load.report());
}

/// POST /nausf-auth/v1/ue-authentications: steps (4) and (5). HXRES* is random: nothing that a device answers can match it.
std::optional<Response> Api::authenticate(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_authentication_info(request, parts_.home_network_keys);
  parts_.access.require_serving_network(request.peer, service::Role::access_network, wanted.serving_network_name);
  if (wanted.resynchronization) return std::nullopt;
  const profile::DiscoveryImsi dimsi(wanted.subscriber.imsi);
  const profile::DiscoveryVector vector = parts_.serve(dimsi, wanted.serving_network_name);
  return core::ue_authentication_context(request, parts_.contexts.make(dimsi), {vector.rand, vector.autn, crypto::random_octets<16>()});
}

/// PUT .../5g-aka-confirmation: a dIMSI is never authenticated for service.
Response Api::confirm(const Request& request) const {
  parts_.contexts.check(request.path("authCtxId"));
  (void)core::read_confirmation(request);
  return core::authentication_failure();
}

/// DELETE .../5g-aka-confirmation: there is nothing to forget.
Response Api::end_context(const Request& request) const {
  parts_.contexts.check(request.path("authCtxId"));
  return Response(204);
}

/// POST /nausf-auth/v1/ue-authentications/deregister: there are no keys to forget.
Response Api::deregister(const Request& request) const {
  parts_.serve.require_known(profile::DiscoveryImsi(core::read_deregistration_info(request)));
  return Response(204);
}

/// POST /nudm-ueau/v1/{supiOrSuci}/security-information/generate-auth-data: the same behind an existing AUSF.
std::optional<Response> Api::generate_auth_data(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_generate_auth_data(request, parts_.home_network_keys);
  parts_.access.require_serving_network(request.peer, service::Role::ausf, wanted.serving_network_name);
  if (wanted.resynchronization) return std::nullopt;
  const profile::DiscoveryImsi dimsi(wanted.subscriber.imsi);
  const profile::DiscoveryVector vector = parts_.serve(dimsi, wanted.serving_network_name);
  const aka::ResStar xres_star(crypto::random_octets<16>());
  const aka::Kausf kausf(crypto::random_octets<32>());
  return core::authentication_info_result(wanted.subscriber.imsi, {vector.rand, vector.autn, xres_star, kausf});
}

/// POST /nudm-ueau/v1/{supi}/hss-security-information/{hssAuthType}/generate-av: for 2G to 4G, IMS, GBA and EAP; one vector, however
/// many were asked for: there is no other.
std::optional<Response> Api::generate_hss_av(const Request& request) {
  const core::HssAuthenticationRequest wanted = core::read_hss_authentication(request);
  parts_.access.require_serving_network(request.peer, service::Role::ausf, serving_network_of(wanted));
  if (wanted.resynchronization) return std::nullopt;
  const profile::DiscoveryImsi dimsi(wanted.imsi);
  std::vector<core::HssVector> vectors;
  vectors.push_back(with_random_keys(wanted.type, parts_.serve(dimsi, serving_network_of(wanted))));
  return core::hss_authentication_info_result(wanted.type, vectors);
}

/// A synchronisation failure: the device's receipt, or none. The device registers again after 504 (config/d-ausf.yaml, receipt_status).
Api::Answer Api::answer_receipt(profile::DiscoveryImsi dimsi, core::Resynchronization answer, std::string serving_network) {
  const ReceiptVerdict verdict = co_await parts_.take_receipt(dimsi, answer, std::move(serving_network));
  base::require(verdict != ReceiptVerdict::wrong, "AUTHENTICATION_REJECTED", "the AUTS is not the device's");
  if (verdict == ReceiptVerdict::recorded) parts_.notify.wake();
  throw base::Error(parts_.receipt_answer, "NETWORK_FAILURE", "a dIMSI is not resynchronised: the device registers again");
}

/// POST /nudm-ueau/v1/{supi}/auth-events
Response Api::create_auth_event(const Request& request) const {
  const profile::DiscoveryImsi dimsi(core::read_supi(request));
  Response created = core::auth_event_created(request);
  parts_.serve.require_known(dimsi);
  return created;
}

/// PUT /nudm-ueau/v1/{supi}/auth-events/{authEventId}, or without the id.
Response Api::remove_auth_event(const Request& request) const {
  const profile::DiscoveryImsi dimsi(core::read_supi(request));
  Response removed = core::auth_event_removed(request);
  parts_.serve.require_known(dimsi);
  return removed;
}

}  // namespace d_ausf

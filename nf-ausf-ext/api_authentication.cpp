#include "nf-ausf-ext/api_authentication.hpp"

#include "lib/aka/supi_or_suci.hpp"
#include "lib/core/eap_session.hpp"
#include "lib/core/hss_ueau.hpp"
#include "lib/sbi/json.hpp"
#include "nf-ausf-ext/note_success.hpp"

namespace ausf_ext {
namespace {

using core::NfKind;
using sbi::BodyKind;
using sbi::Request;
using sbi::Response;

constexpr const char* kContexts = "/nausf-auth/v1/ue-authentications";

/// Who asks, as well as can be known: a verified name, else what the request says of itself and where it comes from.
unsigned index_of(const Request& request, const std::string& stated) {
  if (request.peer.is_verified) return index_of_requester(request.peer.name);
  const std::string host = request.peer.address.substr(0, request.peer.address.rfind(':'));
  return index_of_requester(host + " " + stated);
}

aka::Amf amf_of(core::HssAuthType type) {
  using Type = core::HssAuthType;
  return type == Type::eps_aka || type == Type::eap_aka_prime ? aka::kSeparatedAmf : kUnseparatedAmf;
}

}  // namespace

void AuthenticationApi::add_routes(core::SubscriberRoutes& routes) {
  add_ausf_routes(routes);
  add_udm_routes(routes);
  routes.add_rests(NfKind::ausf);
  routes.add_rests(NfKind::udm);
}

void AuthenticationApi::add_ausf_routes(core::SubscriberRoutes& routes) {
  const std::string root = kContexts;
  sbi::RarelyWaitingHandler challenge;
  challenge.at_once = [this](const Request& request) { return authenticate_at_once(request); };
  challenge.waiting = [this](const Request& request) { return authenticate(request); };
  routes.add_by_body("POST", root, NfKind::ausf, std::move(challenge));
  routes.add_by_body("POST", root + "/deregister", NfKind::ausf,
                     sbi::PlainHandler([this](const Request& request) { return deregister(request); }));
  const std::string aka = root + "/{authCtxId}/5g-aka-confirmation";
  const std::string eap = root + "/{authCtxId}/eap-session";
  sbi::RarelyWaitingHandler confirmation;
  confirmation.at_once = [this](const Request& request) { return confirm_at_once(request); };
  confirmation.waiting = [this](const Request& request) { return confirm(request); };
  routes.add_resource("PUT", aka, BodyKind::json, "authCtxId", std::move(confirmation));
  routes.add_resource("DELETE", aka, BodyKind::none, "authCtxId",
                      sbi::WaitingHandler([this](const Request& request) { return end_context(request, "5G_AKA"); }));
  routes.add_resource("POST", eap, BodyKind::json, "authCtxId",
                      sbi::WaitingHandler([this](const Request& request) { return continue_eap(request); }));
  routes.add_resource("DELETE", eap, BodyKind::none, "authCtxId",
                      sbi::WaitingHandler([this](const Request& request) { return end_context(request, "EAP_AKA_PRIME"); }));
}

void AuthenticationApi::add_udm_routes(core::SubscriberRoutes& routes) {
  const std::string root = "/nudm-ueau/v1/";
  const auto remove = sbi::PlainHandler([this](const Request& request) { return remove_auth_event(request); });
  routes.add_by_path("POST", root + "{supiOrSuci}/security-information/generate-auth-data", BodyKind::json, NfKind::udm,
                     sbi::WaitingHandler([this](const Request& request) { return generate_auth_data(request); }));
  routes.add_by_path("POST", root + "{supi}/hss-security-information/{hssAuthType}/generate-av", BodyKind::json, NfKind::udm,
                     sbi::WaitingHandler([this](const Request& request) { return generate_av(request); }));
  routes.add_by_path("POST", root + "{supi}/auth-events", BodyKind::json, NfKind::udm,
                     sbi::WaitingHandler([this](const Request& request) { return take_auth_event(request); }));
  routes.add_by_path("PUT", root + "{supi}/auth-events", BodyKind::json, NfKind::udm, remove);  // as Open5GS sends it
  routes.add_by_path("PUT", root + "{supi}/auth-events/{authEventId}", BodyKind::json, NfKind::udm, remove);
}

/// POST /nausf-auth/v1/ue-authentications: step (8).
AuthenticationApi::Answer AuthenticationApi::authenticate(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_authentication_info(request, parts_.home_network_keys);
  parts_.access.require_serving_network(request.peer, service::Role::access_network, wanted.serving_network_name);
  const unsigned ind = index_of(request, wanted.serving_network_name);
  const std::string party = parts_.access.party_of(request.peer);
  const Challenged challenged = co_await parts_.authenticate.challenge(wanted, ind, party);
  if (const auto* packet = std::get_if<base::Bytes>(&challenged.challenge)) {
    co_return core::eap_authentication_context(request, challenged.context_id, *packet);
  }
  co_return core::ue_authentication_context(request, challenged.context_id, std::get<core::Challenge>(challenged.challenge));
}

/// The same where nothing has to be waited for, as it is for a device that has attached before.
std::optional<Response> AuthenticationApi::authenticate_at_once(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_authentication_info(request, parts_.home_network_keys);
  parts_.access.require_serving_network(request.peer, service::Role::access_network, wanted.serving_network_name);
  const unsigned ind = index_of(request, wanted.serving_network_name);
  const auto challenged = parts_.authenticate.challenge_at_once(wanted, ind, parts_.access.party_of(request.peer));
  if (!challenged) return std::nullopt;
  return core::ue_authentication_context(request, challenged->context_id, std::get<core::Challenge>(challenged->challenge));
}

/// PUT .../5g-aka-confirmation: steps (9) and (10).
AuthenticationApi::Answer AuthenticationApi::confirm(const Request& request) {
  std::optional<aka::ResStar> res_star = core::read_confirmation(request);
  std::string party = parts_.access.party_of(request.peer);
  const auto done = co_await parts_.authenticate.confirm(request.path("authCtxId"), std::move(party), std::move(res_star));
  if (!done) co_return core::authentication_failure();
  if (done->is_first) parts_.on_attached();
  if (parts_.audit.is_on()) co_await record(request, service::AuditAction::authenticate, done->imsi, "5G_AKA");
  co_return core::authentication_success(done->supi, done->kseaf, done->servers);
}

/// The same where nothing has to be waited for.
std::optional<Response> AuthenticationApi::confirm_at_once(const Request& request) {
  if (parts_.audit.is_on()) return std::nullopt;
  const std::optional<aka::ResStar> res_star = core::read_confirmation(request);
  const auto done = parts_.authenticate.confirm_at_once(request.path("authCtxId"), parts_.access.party_of(request.peer), res_star);
  if (!done) return std::nullopt;
  return core::authentication_success(done->supi, done->kseaf, done->servers);
}

/// POST .../eap-session: steps (9) and (10) with EAP-AKA'.
AuthenticationApi::Answer AuthenticationApi::continue_eap(const Request& request) {
  base::Bytes packet = core::read_eap_session(request);
  const std::string id = request.path("authCtxId");
  std::string party = parts_.access.party_of(request.peer);
  const EapAnswer answer = co_await parts_.authenticate.respond(id, std::move(party), std::move(packet));
  if (answer.is_ongoing) co_return core::eap_session_ongoing(request, id, answer.packet);
  if (!answer.authenticated) co_return core::eap_session_failure(answer.packet);
  const Authenticated& done = *answer.authenticated;
  if (done.is_first) parts_.on_attached();
  if (parts_.audit.is_on()) co_await record(request, service::AuditAction::authenticate, done.imsi, "EAP_AKA_PRIME");
  co_return core::eap_session_success(answer.packet, done.supi, done.kseaf, done.servers);
}

/// DELETE .../5g-aka-confirmation and .../eap-session.
AuthenticationApi::Answer AuthenticationApi::end_context(const Request& request, std::string auth_type) {
  std::string party = parts_.access.party_of(request.peer);
  co_await parts_.authenticate.end(request.path("authCtxId"), std::move(party), std::move(auth_type));
  co_return Response(204);
}

/// POST /nausf-auth/v1/ue-authentications/deregister
Response AuthenticationApi::deregister(const Request& request) const {
  parts_.authenticate.deregister(core::read_deregistration_info(request));
  return Response(204);
}

/// POST /nudm-ueau/v1/{supiOrSuci}/security-information/generate-auth-data: step (8) behind an existing AUSF.
AuthenticationApi::Answer AuthenticationApi::generate_auth_data(const Request& request) {
  const core::AuthenticationRequest wanted = core::read_generate_auth_data(request, parts_.home_network_keys);
  parts_.access.require_serving_network(request.peer, service::Role::ausf, wanted.serving_network_name);
  const auto subscriber = parts_.subscribers.require(wanted.subscriber.imsi);
  parts_.config.require_admitted(wanted.serving_network_name);
  const unsigned ind = index_of(request, wanted.ausf_instance_id);
  ProvideVectors::Wanted vector_wanted{subscriber, ind, wanted.resynchronization};
  const core::ProvisioningServers& servers = parts_.config.provisioning_servers;
  const core::ProvisioningServers told = parts_.config.tells_servers_always ? servers : core::ProvisioningServers();
  const std::string network = wanted.serving_network_name;
  if (parts_.config.method_of(subscriber->imsi) == Method::eap_aka_prime) {
    const aka::TransformedVector vector = co_await parts_.vectors.for_eap_aka_prime(std::move(vector_wanted), network);
    if (parts_.audit.is_on()) co_await record(request, service::AuditAction::vectors, subscriber->imsi, "EAP_AKA_PRIME for " + network);
    co_return core::authentication_info_result(subscriber->imsi, vector, told);
  }
  const aka::HomeEnvironmentVector vector = co_await parts_.vectors.for_5g_aka(std::move(vector_wanted), network);
  if (parts_.audit.is_on()) co_await record(request, service::AuditAction::vectors, subscriber->imsi, "5G_AKA for " + network);
  const core::HomeEnvironmentVectorView view{vector.rand, vector.autn, vector.xres_star, vector.kausf};
  co_return core::authentication_info_result(subscriber->imsi, view, told);
}

/// POST /nudm-ueau/v1/{supi}/hss-security-information/{hssAuthType}/generate-av
AuthenticationApi::Answer AuthenticationApi::generate_av(const Request& request) {
  const core::HssAuthenticationRequest wanted = core::read_hss_authentication(request);
  core::require_key_binding(wanted);
  // Not what the body says of the network: what the keys are good for. Bare CK and IK are good for every one.
  const std::string bound_to = core::key_binding(wanted);
  parts_.access.require_serving_network(request.peer, service::Role::ausf, bound_to);
  const auto subscriber = parts_.subscribers.require(wanted.imsi);
  parts_.config.require_admitted(bound_to);
  ProvideVectors::Wanted vectors_wanted{subscriber, index_of(request, "HSS"), wanted.resynchronization};
  const auto count = static_cast<unsigned>(wanted.vectors);
  std::vector<aka::AuthenticationVector> quintets =
      co_await parts_.vectors.quintets(std::move(vectors_wanted), amf_of(wanted.type), count);
  if (parts_.audit.is_on()) {
    std::string detail = std::to_string(count) + " for an HSS, bound to " + bound_to;
    co_await record(request, service::AuditAction::vectors, subscriber->imsi, std::move(detail));
  }
  std::vector<core::HssVector> vectors;
  for (aka::AuthenticationVector& quintet : quintets) vectors.push_back(core::make_hss_vector(wanted, std::move(quintet)));
  co_return core::hss_authentication_info_result(wanted.type, vectors);
}

boost::asio::awaitable<void> AuthenticationApi::record(const Request& request, service::AuditAction action, profile::Imsi imsi,
                                                       std::string detail) {
  service::AuditEvent event;
  event.action = action;
  event.imsi = imsi.digits();
  event.detail = std::move(detail);
  co_await parts_.audit.record(request, std::move(event));
}

/// POST /nudm-ueau/v1/{supi}/auth-events: what an existing AUSF says of an authentication; a success is step (10).
AuthenticationApi::Answer AuthenticationApi::take_auth_event(const Request& request) {
  const core::AuthEvent event = core::read_auth_event(request);
  parts_.access.require_serving_network(request.peer, service::Role::ausf, event.serving_network_name);
  parts_.config.require_admitted(event.serving_network_name);
  const auto subscriber = parts_.subscribers.require(event.imsi);
  // A success of which no vector was given out is not one.
  const bool had_vector = subscriber->sequence.last.value() > 0;
  if (event.is_success && !event.is_removal && had_vector) {
    const bool is_first =
        co_await note_success(parts_.committer, subscriber->dimsi, event.imsi, event.serving_network_name, parts_.clock());
    if (is_first) parts_.on_attached();
  }
  co_return core::auth_event_created(request);
}

/// PUT /nudm-ueau/v1/{supi}/auth-events[/{authEventId}]: nothing of an event is kept that could be removed.
Response AuthenticationApi::remove_auth_event(const Request& request) const {
  const core::AuthEvent event = core::read_auth_event(request);
  if (!parts_.subscribers.has(event.imsi)) {
    throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
  }
  return Response(204);
}

}  // namespace ausf_ext

#include "lib/core/subscriber_routes.hpp"

#include <array>

#include "lib/base/error.hpp"
#include "lib/core/ueau.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/problem.hpp"

namespace core {
namespace {

using base::Error;
using base::ErrorKind;
using sbi::Request;
using sbi::Response;

/// True for identities that the table can look at. Others (NAI, GCI, GPSI, groups) go where the default says.
bool is_imsi_based(std::string_view identity) {
  const bool is_other_suci = identity.starts_with("suci-") && identity.size() > 5 && identity[5] >= '1' && identity[5] <= '7';
  return identity.starts_with("imsi-") || (identity.starts_with("suci-") && !is_other_suci);
}

RoutedSubscriber routed(const Identity& identity, const PlmnRouting& routing, const aka::HomeNetworkKeys& keys) {
  if (const auto* imsi = std::get_if<profile::Imsi>(&identity)) return {*imsi, std::nullopt, ""};
  const auto& suci = std::get<aka::Suci>(identity);
  RoutedSubscriber out{std::nullopt, suci.home_network, suci.routing_indicator};
  if (!routing.has_ranges_of(suci.home_network)) return out;
  try {
    out.imsi = keys.deconceal(suci);
  } catch (const aka::SuciError&) {      // another home network function's key, perhaps: the PLMN decides
  } catch (const aka::IdentityError&) {  // whoever serves it says what is wrong
  }
  return out;
}

boost::asio::awaitable<std::vector<sbi::Uri>> instance_roots(Nrf* nrf, DiscoveryQuery query) {
  const std::vector<DiscoveredInstance> found = co_await nrf->discover(std::move(query));
  std::vector<sbi::Uri> roots;
  for (const DiscoveredInstance& instance : found) {
    roots.insert(roots.end(), instance.api_roots.begin(), instance.api_roots.end());
  }
  co_return std::move(roots);
}

constexpr const char* kRefusedByTable = "this function's routing table refuses the subscriber's network";

/// Throws those that an audit log has, as others of their kind are thrown.
Response refusal_of(const Refused& refused) {
  if (refused.status == 401) throw Error(ErrorKind::unauthorized, refused.cause, kRefusedByTable);
  if (refused.status == 403) throw Error(ErrorKind::forbidden, refused.cause, kRefusedByTable);
  if (refused.status == 409) throw Error(ErrorKind::conflict, refused.cause, kRefusedByTable);
  Response response(refused.status, sbi::kProblemJson,
                    nlohmann::ordered_json{{"status", refused.status},
                                           {"title", sbi::reason_phrase(refused.status)},
                                           {"cause", refused.cause},
                                           {"detail", kRefusedByTable}}
                        .dump());
  return response;
}

}  // namespace

SubscriberRoutes::Way SubscriberRoutes::way_of_match(PlmnRouting::Match match) const {
  if (std::holds_alternative<ServedHere>(match.target)) return std::monostate();
  return match;
}

SubscriberRoutes::Way SubscriberRoutes::way_of(const std::string& identity, const std::string& param) const {
  if (!is_imsi_based(identity)) return way_of_match({parts_.routing.otherwise(), std::nullopt});
  const Identity read = read_identity(identity, param);
  return way_of_match(parts_.routing.find(routed(read, parts_.routing, parts_.keys)));
}

SubscriberRoutes::Way SubscriberRoutes::way_of_body(const Request& request) const {
  const nlohmann::json body = sbi::parse_json(request.body);
  const sbi::JsonObject object(body);
  const char* const name = object.has("supiOrSuci") ? "supiOrSuci" : "supi";
  if (!object.has(name)) return std::monostate();  // our own handler says what is missing
  return way_of(object.text(name, aka::kMaxIdentitySize), "/" + std::string(name));
}

SubscriberRoutes::Way SubscriberRoutes::way_of_path(const Request& request) const {
  for (const auto& [name, value] : request.path_parameters) {  // a resource that a relayed answer made, as an auth event's
    Way way = way_of_resource(request, value);
    if (!std::holds_alternative<std::monostate>(way)) return way;
  }
  for (const auto& [name, value] : request.path_parameters) {
    if (name == "supiOrSuci" || name == "supi" || name == "ueId") return way_of(value, "{" + name + "}");
  }
  return std::monostate();
}

/// An id that is another party's leads nowhere, as one that was never made.
SubscriberRoutes::Way SubscriberRoutes::way_of_resource(const Request& request, const std::string& id) const {
  auto uri = parts_.relay.resource_of(request, id);
  if (!uri) return std::monostate();
  return FollowUp{id, std::move(*uri)};
}

/// `version/ueId/...`: a relayed resource's id anywhere, else the subscriber in the second segment, else the default.
SubscriberRoutes::Way SubscriberRoutes::way_of_rest(const Request& request) const {
  const std::string& rest = request.path("rest");
  std::string identity;
  std::size_t begin = 0;
  for (std::size_t index = 0; begin <= rest.size(); ++index) {
    const std::size_t end = std::min(rest.find('/', begin), rest.size());
    std::string segment = rest.substr(begin, end - begin);
    Way way = way_of_resource(request, segment);
    if (!std::holds_alternative<std::monostate>(way)) return way;
    if (index == 1) identity = std::move(segment);
    begin = end + 1;
  }
  return way_of(identity, "{ueId}");
}

void SubscriberRoutes::add_by_body(std::string method, std::string pattern, NfKind kind, Local local) {
  add(std::move(method), std::move(pattern), sbi::BodyKind::json, kind, std::move(local),
      [this](const Request& request) { return way_of_body(request); });
}

void SubscriberRoutes::add_by_path(std::string method, std::string pattern, sbi::BodyKind body, NfKind kind, Local local) {
  add(std::move(method), std::move(pattern), body, kind, std::move(local),
      [this](const Request& request) { return way_of_path(request); });
}

void SubscriberRoutes::add_resource(std::string method, std::string pattern, sbi::BodyKind body, std::string parameter, Local local) {
  add(std::move(method), std::move(pattern), body, NfKind::ausf, std::move(local),
      [this, parameter = std::move(parameter)](const Request& request) { return way_of_resource(request, request.path(parameter)); });
}

void SubscriberRoutes::add_rest(const std::string& service, NfKind kind) {
  if (parts_.routing.is_all_here()) return;
  parts_.router.add("*", service + "/{rest...}", sbi::BodyKind::none,
                    sbi::StreamingHandler([this, kind](const Request& request, const std::shared_ptr<sbi::BodyReader>& body) {
                      return serve_rest(request, kind, body);
                    }));
}

void SubscriberRoutes::add_rests(NfKind kind) {
  static constexpr std::array kAusf{"/nausf-auth", "/nausf-sorprotection", "/nausf-upuprotection"};
  static constexpr std::array kUdm{"/nudm-ueau", "/nudm-sdm", "/nudm-uecm", "/nudm-ee",   "/nudm-pp",
                                   "/nudm-mt",   "/nudm-niddau", "/nudm-rsds", "/nudm-ssau", "/nudm-ueid"};
  if (kind == NfKind::ausf) {
    for (const char* service : kAusf) add_rest(service, kind);
  } else {
    for (const char* service : kUdm) add_rest(service, kind);
  }
}

void SubscriberRoutes::add(std::string method, std::string pattern, sbi::BodyKind body, NfKind kind, Local local, FindWay find_way) {
  if (parts_.routing.is_all_here()) {
    std::visit([&](auto handler) { parts_.router.add(std::move(method), std::move(pattern), body, std::move(handler)); }, std::move(local));
    return;
  }
  sbi::RarelyWaitingHandler handler;
  handler.at_once = [find_way, local](const Request& request) -> std::optional<Response> {
    if (std::holds_alternative<sbi::WaitingHandler>(local)) return std::nullopt;
    if (!std::holds_alternative<std::monostate>(find_way(request))) return std::nullopt;
    if (const auto* plain = std::get_if<sbi::PlainHandler>(&local)) return (*plain)(request);
    return std::get<sbi::RarelyWaitingHandler>(local).at_once(request);
  };
  handler.waiting = [this, find_way, local, kind](const Request& request) -> Answer {
    Way way = find_way(request);
    if (!std::holds_alternative<std::monostate>(way)) return take(request, kind, std::move(way), nullptr);
    if (const auto* waiting = std::get_if<sbi::WaitingHandler>(&local)) return (*waiting)(request);
    return std::get<sbi::RarelyWaitingHandler>(local).waiting(request);  // a plain one has answered at once
  };
  parts_.router.add(std::move(method), std::move(pattern), body, std::move(handler));
}

boost::asio::awaitable<std::vector<sbi::Uri>> SubscriberRoutes::roots_of(const PlmnRouting::Match& match, NfKind kind,
                                                                         std::string service) {
  if (const auto* peers = std::get_if<ServedByPeers>(&match.target)) co_return kind == NfKind::ausf ? peers->ausf : peers->udm;
  std::vector<sbi::Uri> roots = co_await parts_.discover(kind, std::move(service), match.plmn);
  co_return std::move(roots);
}

/// The SCP finds the peer: we say whom we want, not where it is.
SubscriberRoutes::Answer SubscriberRoutes::delegate(const Request& request, const PlmnRouting::Match& match, NfKind kind,
                                                    std::string service, std::shared_ptr<sbi::BodyReader> body) {
  Request delegated = request;
  delegated.headers = sbi::Headers();
  for (const sbi::Header& header : request.headers.fields()) {  // by its own discovery headers we were found, or by nobody
    if (!header.name.starts_with("3gpp-sbi-discovery-")) delegated.headers.add(header.name, header.value);
  }
  delegated.headers.add("3gpp-sbi-discovery-target-nf-type", kind == NfKind::ausf ? "AUSF" : "UDM");
  delegated.headers.add("3gpp-sbi-discovery-service-names", std::move(service));
  if (match.plmn) {
    nlohmann::ordered_json plmns = nlohmann::ordered_json::array();
    plmns.push_back({{"mcc", match.plmn->mcc}, {"mnc", match.plmn->mnc}});
    delegated.headers.add("3gpp-sbi-discovery-target-plmn-list", plmns.dump());
  }
  std::vector<sbi::Uri> scp{*parts_.scp};
  Response answer = co_await parts_.relay.forward(delegated, std::move(scp), std::move(body));
  co_return std::move(answer);
}

SubscriberRoutes::Answer SubscriberRoutes::take(const Request& request, NfKind kind, Way way,
                                                std::shared_ptr<sbi::BodyReader> body) {
  if (auto* resource = std::get_if<FollowUp>(&way)) {
    Response answer = co_await parts_.relay.follow_up(request, std::move(resource->segment), std::move(resource->uri), body);
    co_return std::move(answer);
  }
  const auto& match = std::get<PlmnRouting::Match>(way);
  if (const auto* refused = std::get_if<Refused>(&match.target)) co_return refusal_of(*refused);
  std::string service = sbi::service_name(request.target);
  if (std::holds_alternative<ServedByDiscovery>(match.target) && parts_.scp) {
    Response answer = co_await delegate(request, match, kind, std::move(service), body);
    co_return std::move(answer);
  }
  std::vector<sbi::Uri> roots = co_await roots_of(match, kind, std::move(service));
  if (roots.empty()) {  // not 404: that bars the USIM, and an NRF may have lost its memory a moment ago
    throw Error(ErrorKind::gateway_timeout, "TARGET_NF_NOT_REACHABLE", "no function is known that serves this subscriber");
  }
  Response answer = co_await parts_.relay.forward(request, std::move(roots), body);
  co_return std::move(answer);
}

SubscriberRoutes::Answer SubscriberRoutes::serve_rest(const Request& request, NfKind kind, std::shared_ptr<sbi::BodyReader> body) {
  Way way = way_of_rest(request);
  if (std::holds_alternative<std::monostate>(way)) way.emplace<PlmnRouting::Match>(PlmnRouting::Match{parts_.routing.otherwise(), {}});
  const auto* match = std::get_if<PlmnRouting::Match>(&way);
  if (match != nullptr && std::holds_alternative<ServedHere>(match->target)) {
    throw Error(ErrorKind::not_found, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "there is nothing at this path");
  }
  Response answer = co_await take(request, kind, std::move(way), std::move(body));
  co_return std::move(answer);
}

DiscoverRoots discover_by(Nrf* nrf) {
  if (nrf == nullptr) return {};
  return [nrf](NfKind kind, std::string service, std::optional<profile::Plmn> plmn) -> boost::asio::awaitable<std::vector<sbi::Uri>> {
    DiscoveryQuery query;
    query.target_nf_type = kind == NfKind::ausf ? "AUSF" : "UDM";
    query.service_name = std::move(service);
    query.target_plmn = std::move(plmn);
    return instance_roots(nrf, std::move(query));
  };
}

}  // namespace core

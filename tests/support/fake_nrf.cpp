#include "tests/support/fake_nrf.hpp"

#include "lib/crypto/jws.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/patient_limits.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

namespace test {
namespace {

using nlohmann::json;
using sbi::Request;
using sbi::Response;
using std::chrono::steady_clock;

Response problem_titled(int status, const std::string& title) {
  return {status, sbi::kProblemJson, json{{"status", status}, {"title", title}}.dump()};
}

bool shares_plmn(const json& profile, const json& plmns) {
  if (!profile.contains("plmnList")) return true;
  const auto is_wanted = [&](const json& plmn) { return std::find(plmns.begin(), plmns.end(), plmn) != plmns.end(); };
  return std::any_of(profile["plmnList"].begin(), profile["plmnList"].end(), is_wanted);
}

bool has_service(const json& profile, const std::string& names) {
  for (const json& service : profile.value("nfServices", json::array())) {
    if (("," + names + ",").find("," + service["serviceName"].get<std::string>() + ",") != std::string::npos) return true;
  }
  return false;
}

/// The fields of application/x-www-form-urlencoded. A % that no two hex digits follow stays as it is.
std::map<std::string, std::string> read_form(const std::string& body) {
  std::map<std::string, std::string> out;
  std::string name;
  std::string text;
  for (std::size_t i = 0; i <= body.size(); ++i) {
    const char c = i < body.size() ? body[i] : '&';
    const auto octet = c == '%' ? base::from_hex(std::string_view(body).substr(i + 1, 2)) : std::nullopt;
    if (c == '&') {
      out[name] = std::exchange(text, "");
      name.clear();
    } else if (c == '=' && name.empty()) {
      name = std::exchange(text, "");
    } else if (octet && octet->size() == 1) {
      text.push_back(static_cast<char>(octet->front()));
      i += 2;
    } else {
      text.push_back(c == '+' ? ' ' : c);
    }
  }
  return out;
}

/// AccessTokenErr.
Response token_error(const std::string& error) { return {400, sbi::kJson, json{{"error", error}}.dump()}; }

}  // namespace

FakeNrf::FakeNrf(Options options) : options_(std::move(options)), port_(options_.port) {
  add_routes();
  loop_.run([this] { client_ = std::make_unique<sbi::Client>(loop_.io(), "NRF", nullptr); });
  come_back();
}

FakeNrf::~FakeNrf() {
  loop_.run([this] {
    server_.reset();
    client_.reset();
  });
  loop_.stop();
}

void FakeNrf::come_back() {
  loop_.run([this] {
    server_ = std::make_unique<sbi::Http2Server>(loop_.io(), router_, patient_limits());
    if (port_ == 0) port_ = free_port();  // it must have the same one when it comes back
    server_->listen("127.0.0.1", port_, nullptr);
  });
}

void FakeNrf::go_away() {
  loop_.run([this] { server_.reset(); });
}

void FakeNrf::add_routes() {
  const auto act = [this](Response (FakeNrf::*method)(const Request&)) {
    return [this, method](const Request& request) { return (this->*method)(request); };
  };
  route("PUT", "/nnrf-nfm/v1/nf-instances/{id}", Kind::enrol, act(&FakeNrf::enrol));
  route("PATCH", "/nnrf-nfm/v1/nf-instances/{id}", Kind::heartbeat, act(&FakeNrf::heartbeat));
  route("DELETE", "/nnrf-nfm/v1/nf-instances/{id}", Kind::leave, act(&FakeNrf::leave));
  route("GET", "/nnrf-disc/v1/nf-instances", Kind::discover, act(&FakeNrf::discover));
  route("POST", "/nnrf-nfm/v1/subscriptions", Kind::subscribe, act(&FakeNrf::subscribe));
  route("PATCH", "/nnrf-nfm/v1/subscriptions/{id}", Kind::renew, act(&FakeNrf::renew));
  route("DELETE", "/nnrf-nfm/v1/subscriptions/{id}", Kind::unsubscribe, act(&FakeNrf::unsubscribe));
  route("POST", "/oauth2/token", Kind::token, act(&FakeNrf::grant_token));
}

void FakeNrf::route(const std::string& method, const std::string& pattern, Kind kind, Act act) {
  const auto serve = [this, kind, act = std::move(act)](const Request& request) { return handle(kind, act, request); };
  router_.add(method, pattern, sbi::BodyKind::none, sbi::WaitingHandler(serve));
}

boost::asio::awaitable<Response> FakeNrf::handle(Kind kind, const Act& act, const Request& request) {
  requests_[kind].push_back(request);
  if (const auto held = held_[kind]) {
    ++waiting_[kind];
    boost::system::error_code ignored;
    co_await held->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    --waiting_[kind];  // nothing else runs between this and its effect
  }
  auto& scripted = scripted_[kind];
  if (scripted.empty()) {
    evict();
    Response answer = act(request);
    co_return std::move(answer);
  }
  Response answer = std::move(scripted.front());
  scripted.pop_front();
  co_return std::move(answer);
}

std::vector<FakeNrf::Entry>::iterator FakeNrf::find(const std::string& id) {
  return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.profile["nfInstanceId"] == id; });
}

Response FakeNrf::enrol(const Request& request) {
  json profile = json::parse(request.body, nullptr, false);
  if (!profile.is_object() || profile.value("nfInstanceId", "") != request.path("id")) return problem_titled(400, "No NFProfile");
  if (!profile.contains("nfStatus")) return problem_titled(400, "No NFProfile.NFStatus");
  static const std::set<std::string> kTypes{"AMF", "AUSF", "NRF", "SCP", "SMF", "UDM", "UDR"};
  if (!kTypes.contains(profile.value("nfType", ""))) return problem_titled(400, "Unknown nfType");
  if (!profile.contains("fqdn") && !profile.contains("ipv4Addresses") && !profile.contains("ipv6Addresses")) {
    return problem_titled(400, "No IP or FQDN");
  }
  if (profile.contains("heartBeatTimer") && profile["heartBeatTimer"] == 0) return problem_titled(400, "heartBeatTimer 0");
  if (!options_.serves.empty()) {
    if (!shares_plmn(profile, options_.serves)) return problem_titled(400, "PLMN is not served");
    if (!profile.contains("plmnList")) profile["plmnList"] = options_.serves;
  }
  if (options_.heartbeat_s != 0) profile["heartBeatTimer"] = options_.heartbeat_s;
  const bool is_new = find(request.path("id")) == entries_.end();
  const std::string answer = profile.dump();
  profile.erase("ausfInfo");  // accepted, and not stored
  put(std::move(profile), false);
  return Response(is_new ? 201 : 200, sbi::kJson, answer).with("location", request.target);
}

void FakeNrf::put(json profile, bool is_foreign) {
  const auto known = find(profile["nfInstanceId"]);
  const bool is_new = known == entries_.end();
  if (is_new) {
    entries_.push_back({profile, steady_clock::now(), is_foreign});
  } else {
    known->profile = profile;
    known->heard = steady_clock::now();
  }
  tell(is_new ? "NF_REGISTERED" : "NF_PROFILE_CHANGED", profile);
}

Response FakeNrf::heartbeat(const Request& request) {
  const auto type = request.headers.find("content-type").value_or("");
  if (!type.starts_with("application/json-patch+json")) return problem_titled(400, "No PatchItemList");
  const json items = json::parse(request.body, nullptr, false);
  if (!items.is_array() || items.empty() || items[0] != json{{"op", "replace"}, {"path", "/nfStatus"}, {"value", "REGISTERED"}}) {
    return problem_titled(400, "No PatchItem");
  }
  const auto known = find(request.path("id"));
  if (known == entries_.end()) return problem_titled(404, "Not Found");
  known->heard = steady_clock::now();
  return Response(204);
}

Response FakeNrf::leave(const Request& request) {
  const auto known = find(request.path("id"));
  if (known == entries_.end()) return problem_titled(404, "Not Found");
  const json profile = known->profile;
  entries_.erase(known);
  tell("NF_DEREGISTERED", profile);
  return Response(204);
}

void FakeNrf::evict() {
  if (!options_.evicts) return;
  const auto is_late = [this](const Entry& entry) {
    const auto patience = options_.second * (entry.profile.value("heartBeatTimer", 10) + 1);
    return !entry.is_foreign && steady_clock::now() > entry.heard + patience;
  };
  std::erase_if(entries_, is_late);
}

Response FakeNrf::discover(const Request& request) {
  const auto parameter = [&](const char* name) { return std::string(request.query(name).value_or("")); };
  if (parameter("target-nf-type").empty()) return problem_titled(400, "No target-nf-type");
  if (parameter("requester-nf-type").empty()) return problem_titled(400, "No requester-nf-type");
  json found = json::array();
  for (const Entry& entry : entries_) {
    const json& profile = entry.profile;
    if (profile["nfType"] != parameter("target-nf-type")) continue;
    const json allowed = profile.value("allowedNfTypes", json::array());
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), parameter("requester-nf-type")) == allowed.end()) continue;
    const std::string services = parameter("service-names");
    if (!services.empty() && !has_service(profile, services)) continue;
    const std::string plmns = parameter("target-plmn-list");
    if (!plmns.empty() && !shares_plmn(profile, json::parse(plmns, nullptr, false))) continue;
    found.push_back(profile);
  }
  return {200, sbi::kJson, json{{"validityPeriod", options_.validity_s}, {"nfInstances", found}}.dump()};
}

Response FakeNrf::subscribe(const Request& request) {
  json data = json::parse(request.body, nullptr, false);
  if (!data.is_object() || !data.contains("nfStatusNotificationUri")) return problem_titled(400, "No SubscriptionData");
  const std::string id = "subscription" + std::to_string(next_subscription_++);
  data["subscriptionId"] = id;
  if (options_.subscription_end) data["validityTime"] = *options_.subscription_end;
  subscriptions_.push_back({id, data});
  return Response(201, sbi::kJson, data.dump()).with("location", request.target + "/" + id);
}

Response FakeNrf::renew(const Request& request) {
  for (Subscription& subscription : subscriptions_) {
    if (subscription.id != request.path("id")) continue;
    const json items = json::parse(request.body, nullptr, false);
    if (!items.is_array()) return problem_titled(400, "No PatchItemList");
    subscription.data["validityTime"] = items[0]["value"];
    const json answer{{"nfStatusNotificationUri", subscription.data["nfStatusNotificationUri"]}, {"validityTime", items[0]["value"]}};
    return {200, sbi::kJson, answer.dump()};
  }
  return problem_titled(404, "Not found");
}

Response FakeNrf::unsubscribe(const Request& request) {
  const auto is_meant = [&](const Subscription& subscription) { return subscription.id == request.path("id"); };
  return std::erase_if(subscriptions_, is_meant) > 0 ? Response(204) : problem_titled(404, "Not found");
}

Response FakeNrf::grant_token(const Request& request) {
  if (request.headers.find("content-type") != std::optional<std::string_view>("application/x-www-form-urlencoded")) {
    return problem_titled(415, "No form");
  }
  auto form = read_form(request.body);
  if (form["nfInstanceId"].empty() || form["scope"].empty() || form["targetNfType"].empty()) return token_error("invalid_request");
  if (form["grant_type"] != "client_credentials") return token_error("unsupported_grant_type");
  if (!options_.token_key) return token_error("unauthorized_client");
  const std::int64_t now_s = base::to_unix_ms(options_.clock()) / 1000;
  const json header{{"alg", options_.token_key->curve() == crypto::Curve::p384 ? "ES384" : "ES256"}, {"typ", "JWT"}};
  const json claims{{"iss", options_.id}, {"sub", form["nfInstanceId"]}, {"aud", form["targetNfType"]}, {"scope", form["scope"]},
                    {"iat", now_s},       {"exp", now_s + options_.token_lifetime_s}};
  granted_tokens_.push_back(crypto::sign_jws(*options_.token_key, header.dump(), claims.dump()));
  const json answer{{"access_token", granted_tokens_.back()},
                    {"token_type", "Bearer"},
                    {"expires_in", options_.token_lifetime_s},
                    {"scope", form["scope"]}};
  return Response(200, sbi::kJson, answer.dump()).with("cache-control", "no-store");
}

void FakeNrf::tell(const std::string& event, const json& profile) {
  json data{{"event", event}, {"nfInstanceUri", uri() + "/nnrf-nfm/v1/nf-instances/" + profile["nfInstanceId"].get<std::string>()}};
  if (event != "NF_DEREGISTERED") data["nfProfile"] = profile;
  for (const Subscription& subscription : subscriptions_) {
    if (profile["nfType"] != subscription.data.value("/subscrCond/nfType"_json_pointer, "")) continue;
    if (profile["nfInstanceId"] == subscription.data.value("reqNfInstanceId", "")) continue;
    auto sending = send_notification(subscription.data["nfStatusNotificationUri"], data.dump());
    boost::asio::co_spawn(loop_.io(), std::move(sending), boost::asio::detached);
  }
}

boost::asio::awaitable<void> FakeNrf::send_notification(std::string to, std::string body) {
  int status = 0;
  try {
    sbi::Uri uri = sbi::Uri::parse(to);
    Request request = sbi::make_request("POST", uri, "", std::move(body));
    const Response answer = co_await client_->send(std::move(uri), std::move(request), kDeadline);
    status = answer.status;
  } catch (const sbi::ClientError&) {  // counted as 0
  }
  notification_answers_.push_back(status);
}

Response FakeNrf::notify(const std::string& to, const std::string& body) {
  const sbi::Uri uri = sbi::Uri::parse(to);
  return loop_.await(client_->send(uri, sbi::make_request("POST", uri, "", body), kDeadline));
}

void FakeNrf::answer_next(Kind kind, Response answer) {
  loop_.run([&] { scripted_[kind].push_back(std::move(answer)); });
}

void FakeNrf::hang(Kind kind) {
  loop_.run([&] { held_[kind] = std::make_shared<boost::asio::steady_timer>(loop_.io(), steady_clock::time_point::max()); });
}

void FakeNrf::release(Kind kind) {
  loop_.run([&] {
    if (const auto held = std::exchange(held_[kind], nullptr)) held->cancel();
  });
  const auto is_over = [&] { return loop_.run([&] { return waiting_[kind] == 0; }); };
  if (!eventually(is_over)) throw std::runtime_error("requests that the NRF held were not released");
}

void FakeNrf::forget() {
  loop_.run([this] {
    entries_.clear();
    subscriptions_.clear();
  });
}

void FakeNrf::publish(json profile) {
  loop_.run([&] { put(std::move(profile), true); });
}

void FakeNrf::withdraw(const std::string& id) {
  loop_.run([&] {
    const auto known = find(id);
    if (known == entries_.end()) throw std::runtime_error("the NRF has no such instance");
    const json profile = known->profile;
    entries_.erase(known);
    tell("NF_DEREGISTERED", profile);
  });
}

int FakeNrf::count(Kind kind) {
  return loop_.run([&] { return static_cast<int>(requests_[kind].size()); });
}

std::vector<std::string> FakeNrf::granted_tokens() {
  return loop_.run([&] { return granted_tokens_; });
}

std::vector<Request> FakeNrf::requests(Kind kind) {
  return loop_.run([&] { return requests_[kind]; });
}

std::optional<json> FakeNrf::profile(const std::string& id) {
  return loop_.run([&]() -> std::optional<json> {
    evict();
    const auto known = find(id);
    if (known == entries_.end()) return std::nullopt;
    return known->profile;
  });
}

std::vector<json> FakeNrf::subscriptions() {
  return loop_.run([&] {
    std::vector<json> out;
    for (const Subscription& subscription : subscriptions_) out.push_back(subscription.data);
    return out;
  });
}

std::vector<int> FakeNrf::notification_answers() {
  return loop_.run([&] { return notification_answers_; });
}

bool FakeNrf::eventually(const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + kDeadline;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // between two looks at the condition; nothing is assumed of its length
  }
  return true;
}

json foreign_profile(const std::string& id, const std::string& type, const std::string& service, int port) {
  const json end_points = json::array({{{"ipv4Address", "127.0.0.1"}, {"port", port}}});
  const json versions = json::array({{{"apiVersionInUri", "v1"}, {"apiFullVersion", "1.0.0"}}});
  const json entry{{"serviceInstanceId", "s1"}, {"serviceName", service}, {"versions", versions}, {"scheme", "http"},
                   {"nfServiceStatus", "REGISTERED"}, {"ipEndPoints", end_points}};
  return {{"nfInstanceId", id},
          {"nfType", type},
          {"nfStatus", "REGISTERED"},
          {"heartBeatTimer", 10},
          {"ipv4Addresses", json::array({"127.0.0.1"})},
          {"plmnList", json::array({{{"mcc", "001"}, {"mnc", "01"}}})},
          {"nfServices", json::array({entry})}};
}

}  // namespace test

#include "nf-ausf-ext/api.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "lib/sbi/json.hpp"
#include "lib/sbi/problem.hpp"
#include "nf-ausf-ext/accept_offer.hpp"
#include "nf-ausf-ext/api_import.hpp"
#include "nf-ausf-ext/imports.hpp"
#include "nf-ausf-ext/retire.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::ordered_json;
using sbi::BodyKind;
using sbi::Request;
using sbi::Response;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMaxPage = 1000;
constexpr std::size_t kMaxProblems = 100000;  ///< lines of one answer; an operator mends the first ones first

profile::DiscoveryImsi read_dimsi(const Request& request) {
  const auto dimsi = profile::DiscoveryImsi::from_digits(request.path("dimsi"));
  if (!dimsi) sbi::fail_path_parameter("dimsi", "is not 6 to 15 decimal digits");
  return *dimsi;
}

[[noreturn]] void fail_query(const char* name, const std::string& reason) {
  const std::string param = std::string("query ") + name;
  throw Error(ErrorKind::bad_request, "OPTIONAL_IE_INCORRECT", param + " " + reason, {{param, reason}});
}

ordered_json write_problem(const Problem& problem) {
  ordered_json out{{"status", problem.status}, {"title", sbi::reason_phrase(problem.status)}, {"detail", problem.detail}};
  if (!problem.cause.empty()) out["cause"] = problem.cause;
  return out;
}

ordered_json write_device(store::Database& database, const Device& device) {
  ordered_json out{{"dimsi", device.dimsi.digits()}, {"state", name(device.state)}};
  if (device.imsi) out["imsi"] = device.imsi->digits();
  if (device.arpf_position) {
    const auto offered = find_offer(database, device.dimsi);
    const auto position = static_cast<std::size_t>(*device.arpf_position);
    if (position < offered.size()) out["arpf"] = offered[position].uri;
  }
  if (device.problem) out["problem"] = write_problem(*device.problem);
  out["history"] = ordered_json::array();
  for (const HistoryEntry& entry : find_history(database, device.dimsi)) {
    out["history"].push_back({{"state", name(entry.state)}, {"at", base::to_rfc3339(entry.at)}});
  }
  return out;
}

Device require_device(store::Database& database, const profile::DiscoveryImsi& dimsi) {
  auto device = find_device(database, dimsi);
  if (!device) throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this dIMSI was never offered here");
  return std::move(*device);
}

std::size_t read_limit(const Request& request) {
  const auto text = request.query("limit");
  if (!text) return kDefaultPage;
  std::size_t limit = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (fault != std::errc() || end != text->data() + text->size() || limit < 1 || limit > kMaxPage) {
    fail_query("limit", "is not a number from 1 to " + std::to_string(kMaxPage));
  }
  return limit;
}

std::optional<State> read_state(const Request& request) {
  const auto text = request.query("state");
  if (!text) return std::nullopt;
  const auto state = state_from_name(*text);
  if (!state) fail_query("state", "is none of OFFERED, KEY_RETRIEVED, PRELOADED, RECEIVED, ATTACHED, RETIRED, FAILED");
  return state;
}

/// A cursor is the last device of the page before, in a form that nobody is tempted to compute.
std::optional<profile::DiscoveryImsi> read_cursor(const Request& request) {
  const auto text = request.query("from");
  if (!text) return std::nullopt;
  std::uint64_t packed = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), packed, 16);
  const bool is_number = fault == std::errc() && end == text->data() + text->size();
  const auto dimsi = is_number ? profile::DiscoveryImsi::from_packed(packed) : std::nullopt;
  if (!dimsi) fail_query("from", "is not a cursor of this function");
  return dimsi;
}

std::string write_cursor(const profile::DiscoveryImsi& dimsi) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), dimsi.packed(), 16).ptr;
  return {text.data(), end};
}

bool prefers_async(const Request& request) {
  return request.headers.find("prefer").value_or("").find("respond-async") != std::string_view::npos;
}

std::string write_import(const std::string& id, const ImportStatus& status) {
  return ordered_json{{"importId", id},
                      {"state", status.is_done ? "DONE" : "RUNNING"},
                      {"received", status.received},
                      {"preloaded", status.preloaded},
                      {"failed", status.failed}}
      .dump();
}

ImportStatus require_import(store::Database& database, const std::string& id) {
  const auto status = find_import(database, id);
  if (!status) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such import");
  return *status;
}

}  // namespace

void Api::add_routes(sbi::Router& router) {
  const std::string root = "/nausfext-onboarding/v1";
  router.add("PUT", root + "/devices/{dimsi}", BodyKind::json,
             sbi::WaitingHandler([this](const Request& request) { return put_device(request); }));
  router.add("GET", root + "/devices/{dimsi}", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return get_device(request); }));
  router.add("GET", root + "/devices", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return list_devices(request); }));
  router.add("POST", root + "/devices/{dimsi}/retire", BodyKind::none,
             sbi::WaitingHandler([this](const Request& request) { return retire_device(request); }));
  router.add("POST", root + "/imports", BodyKind::ndjson,
             sbi::StreamingHandler([this](const Request& request, const std::shared_ptr<sbi::BodyReader>& body) {
               return import_offers(request, *body);
             }));
  router.add("GET", root + "/imports/{importId}", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return get_import(request); }));
  router.add("GET", root + "/imports/{importId}/problems", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return get_import_problems(request); }));
  router.add("GET", root + "/imsi-pools", BodyKind::none,
             sbi::PlainHandler([this](const Request& request) { return list_pools(request); }));
}

boost::asio::awaitable<bool> Api::settle(profile::DiscoveryImsi dimsi, std::chrono::milliseconds wait) {
  const bool rests = co_await boost::asio::co_spawn(parts_.onboarding_loop, parts_.onboarding.settle(dimsi, wait),
                                                    boost::asio::use_awaitable);
  co_return rests;
}

/// PUT /nausfext-onboarding/v1/devices/{dimsi}: step (0-d), and what follows up to step (2).
Api::Answer Api::put_device(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const nlohmann::json body = sbi::parse_json(request.body);
  const Offer offer = only_trusted(read_offer(dimsi, sbi::JsonObject(body)), parts_.config);
  store::Committer::Work<OfferVerdict> work = [this, offer, now = parts_.clock()](store::Database& database) {
    return accept_offer(database, offer, parts_.config, now);
  };
  const OfferVerdict verdict = co_await parts_.committer.write(std::move(work));
  if (verdict == OfferVerdict::known) {
    const Device known = require_device(parts_.reader, dimsi);
    co_return Response(200, sbi::kJson, write_device(parts_.reader, known).dump());
  }
  const auto wait = prefers_async(request) ? std::chrono::milliseconds(0) : parts_.config.offer_wait;
  co_await settle(dimsi, wait);
  const Device device = require_device(parts_.reader, dimsi);
  const bool is_on_its_way = device.state == State::offered || device.state == State::key_retrieved;
  Response response(is_on_its_way ? 202 : 201, sbi::kJson, write_device(parts_.reader, device).dump());
  response.with("location", request.api_root() + request.target);
  co_return std::move(response);
}

/// GET /nausfext-onboarding/v1/devices/{dimsi}
Response Api::get_device(const Request& request) const {
  const Device device = require_device(parts_.reader, read_dimsi(request));
  return {200, sbi::kJson, write_device(parts_.reader, device).dump()};
}

/// GET /nausfext-onboarding/v1/devices?state=&from=&limit=
Response Api::list_devices(const Request& request) const {
  const std::size_t limit = read_limit(request);
  const auto page = find_page(parts_.reader, read_state(request), read_cursor(request), limit + 1);
  ordered_json body{{"devices", ordered_json::array()}};
  for (std::size_t i = 0; i < page.size() && i < limit; ++i) {
    if (const auto device = find_device(parts_.reader, page[i])) body["devices"].push_back(write_device(parts_.reader, *device));
  }
  if (page.size() > limit) body["next"] = write_cursor(page[limit - 1]);
  return {200, sbi::kJson, body.dump()};
}

/// POST /nausfext-onboarding/v1/devices/{dimsi}/retire: step (11), by the RSMF.
Api::Answer Api::retire_device(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  store::Committer::Work<void> work = [this, dimsi, now = parts_.clock()](store::Database& database) {
    retire(database, dimsi, parts_.config, now);
  };
  co_await parts_.committer.write(std::move(work));
  co_await settle(dimsi, parts_.config.offer_wait);
  co_return Response(204);
}

/// POST /nausfext-onboarding/v1/imports: NDJSON, an offer a line.
Api::Answer Api::import_offers(const Request& request, sbi::BodyReader& body) {
  ImportOffers import(parts_.committer, parts_.config, parts_.clock);
  const std::string id = co_await import(body);
  parts_.onboarding.wake();
  const ImportStatus status = require_import(parts_.reader, id);
  Response response(202, sbi::kJson, write_import(id, status));
  response.with("location", request.api_root() + "/nausfext-onboarding/v1/imports/" + id);
  co_return std::move(response);
}

/// GET /nausfext-onboarding/v1/imports/{importId}
Response Api::get_import(const Request& request) const {
  const std::string& id = request.path("importId");
  return {200, sbi::kJson, write_import(id, require_import(parts_.reader, id))};
}

/// GET /nausfext-onboarding/v1/imports/{importId}/problems: NDJSON.
Response Api::get_import_problems(const Request& request) const {
  const std::string& id = request.path("importId");
  (void)require_import(parts_.reader, id);
  std::string lines;
  for (const ImportProblem& problem : find_import_problems(parts_.reader, id, 0, kMaxProblems)) {
    ordered_json line{{"line", problem.line}};
    if (problem.dimsi) line["dimsi"] = problem.dimsi->digits();
    line["cause"] = problem.cause;
    line["detail"] = problem.detail;
    lines += line.dump() + "\n";
  }
  return {200, sbi::kNdjson, std::move(lines)};
}

/// GET /nausfext-onboarding/v1/imsi-pools
Response Api::list_pools(const Request&) const {
  ordered_json pools = ordered_json::array();
  for (const ImsiPool& pool : parts_.config.pools) {
    const PoolUse use = use_of(parts_.reader, pool, parts_.clock());
    pools.push_back({{"plmn", pool.plmn.prefix()},
                     {"from", pool.from.digits()},
                     {"to", pool.to.digits()},
                     {"size", pool.size()},
                     {"allocated", use.allocated},
                     {"quarantined", use.quarantined},
                     {"free", pool.size() - use.allocated - use.quarantined}});
  }
  return {200, sbi::kJson, pools.dump()};
}

}  // namespace ausf_ext

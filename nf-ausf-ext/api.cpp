#include "nf-ausf-ext/api.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "lib/sbi/broken_import.hpp"
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

/// Never throws for what a peer wrote: octets that are no UTF-8 are replaced.
std::string text_of(const ordered_json& body) { return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

profile::DiscoveryImsi read_dimsi(const Request& request) {
  const auto dimsi = profile::DiscoveryImsi::from_digits(request.path("dimsi"));
  if (!dimsi) sbi::fail_path_parameter("dimsi", "is not 6 to 15 decimal digits");
  return *dimsi;
}

[[noreturn]] void fail_listing_query(const char* name, const std::string& reason) {
  sbi::fail_query_parameter("OPTIONAL_IE_INCORRECT", name, reason);
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
    if (const auto arpf = find_arpf(database, device.dimsi, *device.arpf_position)) out["arpf"] = *arpf;
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
    fail_listing_query("limit", "is not a number from 1 to " + std::to_string(kMaxPage));
  }
  return limit;
}

std::optional<State> read_state(const Request& request) {
  const auto text = request.query("state");
  if (!text) return std::nullopt;
  const auto state = state_from_name(*text);
  if (!state) fail_listing_query("state", "is none of OFFERED, KEY_RETRIEVED, PRELOADED, RECEIVED, ATTACHED, RETIRED, FAILED");
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
  if (!dimsi) fail_listing_query("from", "is not a cursor of this function");
  return dimsi;
}

std::string write_cursor(const profile::DiscoveryImsi& dimsi) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), dimsi.packed(), 16).ptr;
  return {text.data(), end};
}

/// RFC 7240: a list of preferences, in one or several fields; names in either case, with values and parameters of no meaning here.
bool prefers_async(std::string_view list) {
  constexpr std::string_view kWanted = "respond-async";
  const auto is_same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    const std::string_view name = sbi::without_space(item.substr(0, item.find_first_of("=;")));
    if (std::equal(name.begin(), name.end(), kWanted.begin(), kWanted.end(), is_same)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool prefers_async(const Request& request) {
  const auto& fields = request.headers.fields();
  return std::any_of(fields.begin(), fields.end(),
                     [](const sbi::Header& field) { return field.name == "prefer" && prefers_async(field.value); });
}

service::AuditEvent event_of(service::AuditAction action, const profile::DiscoveryImsi& dimsi) {
  service::AuditEvent event;
  event.action = action;
  event.dimsi = dimsi.digits();
  return event;
}

std::string write_import(const std::string& id, const ImportStatus& status) {
  return text_of({{"importId", id},
                  {"state", status.is_done ? "DONE" : "RUNNING"},
                  {"received", status.received},
                  {"preloaded", status.preloaded},
                  {"failed", status.failed}});
}

std::string write_problem_line(const ImportProblem& problem) {
  ordered_json line{{"line", problem.line}};
  if (problem.dimsi) line["dimsi"] = problem.dimsi->digits();
  line["cause"] = problem.cause;
  line["detail"] = problem.detail;
  return text_of(line) + "\n";
}

/// The problems of an import of any length, piece by piece: few lines are read in one go, for the loop has other things to do.
class ProblemLines final : public sbi::BodyReader {
 public:
  ProblemLines(store::Database& reader, std::string id)
      : reader_(reader), id_(std::move(id)), last_(find_last_line(reader, id_)) {}

  boost::asio::awaitable<std::optional<std::string>> next() override {
    const auto executor = co_await boost::asio::this_coro::executor;
    std::optional<std::string> piece;
    while (!piece && first_ <= last_) {
      std::string lines = read_piece();
      if (!lines.empty()) piece = std::move(lines);
      co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
    co_return std::move(piece);
  }

 private:
  static constexpr std::uint64_t kPieceLines = 1000;  ///< of the import, whether they have problems or not

  std::string read_piece() {
    std::string out;
    for (const ImportProblem& problem : find_import_problems(reader_, id_, first_, first_ + kPieceLines - 1)) {
      out += write_problem_line(problem);
    }
    first_ += kPieceLines;
    return out;
  }

  store::Database& reader_;
  const std::string id_;
  const std::uint64_t last_;
  std::uint64_t first_ = 1;
};

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

Provider Api::sees_only(const sbi::Peer& peer) const {
  const service::Access& access = parts_.config.access;
  if (access.may_everything(peer) || access.roles_of(peer).has(service::Role::rsmf)) return std::nullopt;
  return peer.name;
}

Device Api::require_visible(const Request& request) const {
  Device device = require_device(parts_.reader, read_dimsi(request));
  const Provider own = sees_only(request.peer);
  base::require(!own || device.offered_by == own, "NOT_OWNER", "another service provider offered this dIMSI");
  return device;
}

ImportStatus Api::require_visible_import(const Request& request) const {
  ImportStatus status = require_import(parts_.reader, request.path("importId"));
  const Provider own = sees_only(request.peer);
  base::require(!own || status.offered_by == own, "NOT_OWNER", "another service provider made this import");
  return status;
}

boost::asio::awaitable<bool> Api::settle(profile::DiscoveryImsi dimsi, std::chrono::milliseconds wait) {
  const bool rests = co_await boost::asio::co_spawn(parts_.onboarding_loop, parts_.onboarding.settle(dimsi, wait),
                                                    boost::asio::use_awaitable);
  co_return rests;
}

/// PUT /nausfext-onboarding/v1/devices/{dimsi}: step (0-d), and what follows up to step (2). By the time of the answer the device may have been retired, and be
/// offered by another provider: then this one is told no more of it than by GET.
Api::Answer Api::put_device(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  const nlohmann::json body = sbi::parse_json(request.body);
  Offer offer = only_trusted(read_offer(dimsi, sbi::JsonObject(body)), parts_.config);
  if (!request.peer.is_anonymous()) offer.offered_by = request.peer.name;
  store::Committer::Work<OfferVerdict> work = [this, offer, now = parts_.clock()](store::Database& database) {
    return accept_offer(database, offer, parts_.config, now);
  };
  const OfferVerdict verdict = co_await parts_.committer.write(std::move(work));
  if (parts_.audit.is_on()) {  // a known one too: the line of the first time may have been lost with the disk
    service::AuditEvent event = event_of(service::AuditAction::offer, dimsi);
    if (verdict != OfferVerdict::taken) event.detail = std::string(describe(verdict));
    co_await parts_.audit.record(request, std::move(event));
  }
  if (verdict == OfferVerdict::known) {
    const Device known = require_visible(request);
    co_return Response(200, sbi::kJson, text_of(write_device(parts_.reader, known)));
  }
  const auto wait = prefers_async(request) ? std::chrono::milliseconds(0) : parts_.config.offer_wait;
  co_await settle(dimsi, wait);
  const Device device = require_visible(request);
  const bool is_on_its_way = device.state == State::offered || device.state == State::key_retrieved;
  Response response(is_on_its_way ? 202 : 201, sbi::kJson, text_of(write_device(parts_.reader, device)));
  response.with("location", request.api_root() + "/nausfext-onboarding/v1/devices/" + dimsi.digits());
  co_return std::move(response);
}

/// GET /nausfext-onboarding/v1/devices/{dimsi}
Response Api::get_device(const Request& request) const {
  const Device device = require_visible(request);
  return {200, sbi::kJson, text_of(write_device(parts_.reader, device))};
}

/// GET /nausfext-onboarding/v1/devices?state=&from=&limit=
Response Api::list_devices(const Request& request) const {
  const std::size_t limit = read_limit(request);
  const Provider own = sees_only(request.peer);
  const auto page = find_page(parts_.reader, {read_state(request), own}, read_cursor(request), limit + 1);
  ordered_json body{{"devices", ordered_json::array()}};
  for (std::size_t i = 0; i < page.size() && i < limit; ++i) {
    const auto device = find_device(parts_.reader, page[i]);
    const bool is_shown = device && (!own || device->offered_by == own);  // it may be another's since the page was found
    if (is_shown) body["devices"].push_back(write_device(parts_.reader, *device));
  }
  if (page.size() > limit) body["next"] = write_cursor(page[limit - 1]);
  return {200, sbi::kJson, text_of(body)};
}

/// POST /nausfext-onboarding/v1/devices/{dimsi}/retire: step (11), by the RSMF.
Api::Answer Api::retire_device(const Request& request) {
  const profile::DiscoveryImsi dimsi = read_dimsi(request);
  store::Committer::Work<void> work = [dimsi, now = parts_.clock()](store::Database& database) {
    retire(database, dimsi, now);
  };
  co_await parts_.committer.write(std::move(work));
  if (parts_.audit.is_on()) co_await parts_.audit.record(request, event_of(service::AuditAction::retire, dimsi));
  co_await settle(dimsi, parts_.config.offer_wait);
  co_return Response(204);
}

/// POST /nausfext-onboarding/v1/imports: NDJSON, an offer a line.
Api::Answer Api::import_offers(const Request& request, sbi::BodyReader& body) {
  sbi::ImportPlaces::Place place = imports_.take(request.peer);
  Provider offered_by;
  if (!request.peer.is_anonymous()) offered_by = request.peer.name;
  service::AuditEvent about;
  if (parts_.audit.is_on()) about = service::Audit::about(request);
  ImportOffers import(ImportOffers::Parts{parts_.committer, parts_.config, parts_.clock, parts_.audit, std::move(about)}, std::move(offered_by),
                      std::move(place));
  std::exception_ptr failure;
  try {
    (void)co_await import(body);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::string id = import.id();
  parts_.onboarding.wake();
  co_await import.record_rest();
  if (parts_.audit.is_on()) {
    service::AuditEvent event;
    event.action = service::AuditAction::bulk_load;
    event.detail = "import " + id + ": " + std::to_string(import.lines()) + " lines" + (failure ? "; it broke off" : "");
    co_await parts_.audit.record(request, std::move(event));
  }
  if (failure) sbi::rethrow_of_import(failure, std::to_string(import.stored()) + " stored");
  const ImportStatus status = require_import(parts_.reader, id);
  Response response(202, sbi::kJson, write_import(id, status));
  response.with("location", request.api_root() + "/nausfext-onboarding/v1/imports/" + id);
  co_return std::move(response);
}

/// GET /nausfext-onboarding/v1/imports/{importId}
Response Api::get_import(const Request& request) const {
  const std::string& id = request.path("importId");
  return {200, sbi::kJson, write_import(id, require_visible_import(request))};
}

/// GET /nausfext-onboarding/v1/imports/{importId}/problems: NDJSON.
Response Api::get_import_problems(const Request& request) const {
  const std::string& id = request.path("importId");
  (void)require_visible_import(request);
  Response response(200, sbi::kNdjson, "");
  response.stream = std::make_shared<ProblemLines>(parts_.reader, id);
  return response;
}

/// GET /nausfext-onboarding/v1/imsi-pools
Response Api::list_pools(const Request&) const {
  ordered_json pools = ordered_json::array();
  for (const ImsiPool& pool : parts_.config.pools) {
    const PoolUse use = use_of(parts_.reader, pool);
    pools.push_back({{"plmn", pool.plmn.prefix()},
                     {"from", pool.from.digits()},
                     {"to", pool.to.digits()},
                     {"size", pool.size()},
                     {"allocated", use.allocated},
                     {"quarantined", use.quarantined},
                     {"free", pool.size() - use.allocated - use.quarantined}});
  }
  return {200, sbi::kJson, text_of(pools)};
}

}  // namespace ausf_ext

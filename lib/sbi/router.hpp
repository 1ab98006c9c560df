#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"

namespace sbi {

/// The body of a request that is read as it comes (imports), so that memory stays bounded whatever its length.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// The next octets, at least one; nothing at the end. Throws Error if the peer goes or is too slow.
  virtual boost::asio::awaitable<std::optional<std::string>> next() = 0;
  /// Waits so long: for a handler whose work is to leave time for others. False at once if the peer gives its request up meanwhile.
  virtual boost::asio::awaitable<bool> pause(std::chrono::steady_clock::duration time);
};

/// Who gives handlers their later turns: a server that has its loop's time shared among peers.
class TurnGiver {
 public:
  virtual ~TurnGiver() = default;
  /// Waits for the turn of the peer that asked.
  virtual boost::asio::awaitable<void> later_turn() = 0;
};

/// For a handler that waited together with others, for one commit most of all, and has work to do then that takes more than some tens of microseconds: it
/// stands behind what takes less, and behind one of each other peer, instead of having the whole batch done before anything else.
boost::asio::awaitable<void> later_turn(const Request& request);

/// A handler that never waits.
using PlainHandler = std::function<Response(const Request&)>;
/// A handler that waits, for a durable write or a peer. The request outlives it.
using WaitingHandler = std::function<boost::asio::awaitable<Response>(const Request&)>;
/// A handler that reads the body itself; it may keep the reader longer than the request (a relay does).
using StreamingHandler = std::function<boost::asio::awaitable<Response>(const Request&, const std::shared_ptr<BodyReader>&)>;
/// A handler that waits for few requests: only those pay for a coroutine. `at_once` answers, or gives nothing and has changed
/// nothing; then `waiting` takes the same request.
struct RarelyWaitingHandler {
  std::function<std::optional<Response>(const Request&)> at_once;
  WaitingHandler waiting;
};
using Handler = std::variant<PlainHandler, WaitingHandler, StreamingHandler, RarelyWaitingHandler>;

/// What a route takes as a body. `merge_patch`: application/merge-patch+json (RFC 7396), or application/json, as some cores
/// call it.
enum class BodyKind { none, json, merge_patch, ndjson };

/// What is told of each request that is refused with 401, 403 or 409, or by a base::ConcealedRefusal; on the loop's thread. Must not throw.
using OnRefusal = std::function<void(const Request&, const base::Error&)>;
/// What is told of each connection that is turned away for its peer's certificate; on the loop's thread. The peer is anonymous as long as its name is not
/// verified. Must not throw.
using OnTurnAway = std::function<void(const Peer&, const std::string& why)>;

struct Route {
  std::string method;
  std::string pattern;  ///< as `/narpf-keys/v1/devices/{dimsi}/retrieve-key`
  BodyKind body = BodyKind::none;
  Handler handler;
  std::size_t index = 0;                              ///< in Router::routes()
  std::shared_ptr<const OnRefusal> on_refusal = {};  ///< the router's
};

/// Decides whether the peer may call the route at all, before any of the body is read. Throws base::Error if not; may put a better name on
/// the peer (that of its access token).
using Guard = std::function<void(const Route&, Request&)>;

/// A refusal that says how to authenticate (RFC 6750, section 3): 401, or 403 with `insufficient_scope`.
class Challenge : public base::Error {
 public:
  Challenge(base::ErrorKind kind, std::string cause, const std::string& detail, std::string www_authenticate)
      : Error(kind, std::move(cause), detail), www_authenticate_(std::move(www_authenticate)) {}
  [[nodiscard]] const std::string& www_authenticate() const noexcept { return www_authenticate_; }

 private:
  std::string www_authenticate_;
};

/// The first segment of a target's path, decoded as the router decodes it to choose a route: the service, `nausf-auth` of `/nausf%2Dauth/v1/x` too.
/// Throws Error{bad_request, INVALID_MSG_FORMAT} for a bad percent sequence or a control character in it, which no target has that was routed.
std::string service_name(std::string_view target);

/// Finds the handler of a request: one table, one set of handlers, for both front ends. Immutable once served.
class Router {
 public:
  /// Adds a route. Literal segments win over parameters, in whatever order they are added. A last segment `{name...}` takes one
  /// or more segments, and the method `*` any: such a route serves what no other one does.
  void add(std::string method, std::string pattern, BodyKind body, Handler handler);

  /// The route of the request, whose parameters are filled in. Throws Error: 400 for a target that is no path, 404
  /// RESOURCE_URI_STRUCTURE_NOT_FOUND for an unknown one, and 415 for a body of the wrong type.
  /// For a known path with another method it throws the error that refusal() answers with 405 and Allow.
  const Route& find(Request& request) const;

  /// As find(), and the guard lets the peer pass. What both front ends call.
  const Route& admit(Request& request) const;

  void guard_by(Guard guard) { guard_ = std::move(guard); }
  /// Before any route is added.
  void tell_refusals(OnRefusal on_refusal) { on_refusal_ = std::make_shared<const OnRefusal>(std::move(on_refusal)); }

  void tell_turn_aways(OnTurnAway on_turn_away) { on_turn_away_ = std::move(on_turn_away); }
  /// For a front end.
  void turned_away(const Peer& peer, const std::string& why) const {
    if (on_turn_away_) on_turn_away_(peer, why);
  }

  [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }

  /// What stands around the requests that came in one read of a connection, as far as they are answered at once: `begin` before the first
  /// one, `end` after the last, on their loop. Between the two no other request is served and no answer goes out, so that one view of
  /// the store may serve them all. If `end` gives true, `settle` follows: once no connection of the loop has more to read, or some
  /// milliseconds later, for all batches until then. None of them throws.
  struct Batch {
    std::function<void()> begin;
    std::function<bool()> end;
    std::function<void()> settle;
  };
  void on_batch(Batch batch) { batch_ = std::move(batch); }
  [[nodiscard]] const Batch& batch() const noexcept { return batch_; }

 private:
  struct Pattern {
    std::vector<std::string> segments;
    bool has_rest = false;    ///< the last one takes the rest of the path
    bool is_literal = false;  ///< without parameters
  };
  /// The routes whose pattern fits a path best: those of the same path, with different methods.
  struct Candidates {
    std::size_t literals = 0;
    std::vector<std::size_t> routes;
  };
  /// The route whose pattern is the request's target, octet for octet; null if none is.
  [[nodiscard]] const Route* find_literal(const Request& request) const;
  /// 0 if the pattern does not fit, else 1 and the number of its literal segments.
  static std::size_t literals_matched(const Pattern& pattern, const std::vector<std::string>& segments);
  /// Among the patterns that take the rest of a path, or among the others.
  [[nodiscard]] Candidates candidates_for(const std::vector<std::string>& segments, bool with_rest) const;
  /// The candidate of the method; nothing if there is none.
  [[nodiscard]] std::optional<std::size_t> find_method(const Candidates& candidates, const std::string& method) const;
  void fill_parameters(std::size_t route, std::vector<std::string>& segments, Request& request) const;

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;
  Guard guard_;
  std::shared_ptr<const OnRefusal> on_refusal_;
  OnTurnAway on_turn_away_;
  Batch batch_;
};

/// The answer of a handler that need not wait for this request, or refusal() of what it throws; nothing if it must wait. Never throws.
std::optional<Response> serve_at_once(const Route& route, const Request& request);

/// Runs the route's handler to its answer; what it throws becomes refusal(). `body`: of a route that streams, else null. Never throws.
boost::asio::awaitable<Response> serve(const Route& route, const Request& request, std::shared_ptr<BodyReader> body);

/// As serve(), for a route whose handler waits; of a RarelyWaitingHandler its `waiting`, for serve_at_once() gave nothing.
boost::asio::awaitable<Response> serve_waiting(const Route& route, const Request& request, std::shared_ptr<BodyReader> body);

/// The answer to a request that find() refused, or whose handler threw `error`: problem+json, and Allow with 405.
Response refusal(const Request& request, std::exception_ptr error);

}  // namespace sbi

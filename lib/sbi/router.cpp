#include "lib/sbi/router.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>

#include "lib/base/bytes.hpp"
#include "lib/base/error.hpp"
#include "lib/sbi/problem.hpp"

namespace sbi {
namespace {

using base::Error;
using base::ErrorKind;

/// 405, with the methods that the path has.
class MethodNotAllowed : public Error {
 public:
  explicit MethodNotAllowed(std::string allow)
      : Error(ErrorKind::method_not_allowed, "", "this path takes " + allow), allow_(std::move(allow)) {}
  [[nodiscard]] const std::string& allow() const noexcept { return allow_; }

 private:
  std::string allow_;
};

[[noreturn]] void fail_target(const char* detail) { throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", detail); }

std::string percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto octet = i + 3 <= text.size() ? base::from_hex(text.substr(i + 1, 2)) : std::nullopt;
      if (!octet) fail_target("the request's target has a % that two hex digits do not follow");
      c = static_cast<char>(octet->front());
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    const auto value = static_cast<unsigned char>(c);
    if (value < 0x20 || value == 0x7F) fail_target("the request's target has a control character");
    out.push_back(c);
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

/// True if the decoded segment is `.` or `..`, or has one between slashes: what a peer that tidies paths up would follow.
bool has_dots_alone(std::string_view segment) {
  while (true) {
    const std::size_t end = std::min(segment.find_first_of("/\\"), segment.size());
    const std::string_view part = segment.substr(0, end);
    if (part == "." || part == "..") return true;
    if (end == segment.size()) return false;
    segment.remove_prefix(end + 1);
  }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

void read_query(std::string_view query, Request& request) {
  if (query.empty()) return;
  for (const std::string& pair : split(query, '&')) {
    const std::size_t equals = pair.find('=');
    const std::string_view view(pair);
    std::string name = percent_decoded(view.substr(0, equals), true);
    std::string value = equals == std::string::npos ? "" : percent_decoded(view.substr(equals + 1), true);
    request.query_parameters.emplace_back(std::move(name), std::move(value));
  }
}

/// True if the media type of a content-type value is one that the route takes.
bool is_accepted(std::string_view content_type, BodyKind kind) {
  if (content_type == kJson) return kind != BodyKind::ndjson;  // as nearly everybody says it
  std::string media(content_type.substr(0, content_type.find(';')));
  while (!media.empty() && media.back() == ' ') media.pop_back();
  std::transform(media.begin(), media.end(), media.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (kind == BodyKind::ndjson) return media == kNdjson || media == "application/jsonl" || media == "application/ndjson";
  if (kind == BodyKind::merge_patch && media == kMergePatchJson) return true;
  return media == kJson || media == "application/3gpphal+json";
}

void tell(const Route& route, const Request& request, const Error& refused) {
  if (!route.on_refusal) return;
  const bool is_of_trust = refused.kind() == ErrorKind::unauthorized || refused.kind() == ErrorKind::forbidden ||
                           refused.kind() == ErrorKind::conflict || dynamic_cast<const base::ConcealedRefusal*>(&refused) != nullptr;
  if (is_of_trust) (*route.on_refusal)(request, refused);
}

/// refusal() of what the route's handler threw, which is told.
Response refusal_by(const Route& route, const Request& request, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& refused) {
    tell(route, request, refused);
  } catch (...) {  // refusal() says what it is
  }
  return refusal(request, error);
}

void require_content_type(const Route& route, const Request& request) {
  const auto content_type = request.headers.find("content-type");
  if (route.body == BodyKind::none || !content_type || is_accepted(*content_type, route.body)) return;
  const std::string wanted = route.body == BodyKind::ndjson        ? kNdjson
                             : route.body == BodyKind::merge_patch ? kMergePatchJson
                                                                   : kJson;
  throw Error(ErrorKind::unsupported_media_type, "", "this resource takes a body of type " + wanted,
              {{"header content-type", "is not " + wanted}});
}

}  // namespace

std::string service_name(std::string_view target) {
  if (target.starts_with('/')) target.remove_prefix(1);
  return percent_decoded(target.substr(0, target.find_first_of("/?")), false);
}

void Router::add(std::string method, std::string pattern, BodyKind body, Handler handler) {
  Pattern parts{split(std::string_view(pattern).substr(1), '/')};
  parts.has_rest = parts.segments.back().ends_with("...}");
  parts.is_literal = std::none_of(parts.segments.begin(), parts.segments.end(), is_parameter);
  patterns_.push_back(std::move(parts));
  routes_.push_back({std::move(method), std::move(pattern), body, std::move(handler), routes_.size(), on_refusal_});
}

std::size_t Router::literals_matched(const Pattern& pattern, const std::vector<std::string>& segments) {
  const std::size_t size = pattern.segments.size();
  if (pattern.has_rest ? segments.size() < size : segments.size() != size) return 0;
  std::size_t literals = 1;  // so that a match is never 0
  for (std::size_t k = 0; k < size; ++k) {
    if (is_parameter(pattern.segments[k])) {
      if (segments[k].empty()) return 0;
    } else {
      if (pattern.segments[k] != segments[k]) return 0;
      ++literals;
    }
  }
  return literals;
}

Router::Candidates Router::candidates_for(const std::vector<std::string>& segments, bool with_rest) const {
  Candidates out;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (patterns_[i].has_rest != with_rest) continue;
    const std::size_t literals = literals_matched(patterns_[i], segments);
    if (literals == 0 || literals < out.literals) continue;
    if (literals > out.literals) out = Candidates{literals, std::vector<std::size_t>()};
    out.routes.push_back(i);
  }
  return out;
}

std::optional<std::size_t> Router::find_method(const Candidates& candidates, const std::string& method) const {
  for (const std::size_t i : candidates.routes) {
    if (routes_[i].method == method || routes_[i].method == "*") return i;
  }
  return std::nullopt;
}

void Router::fill_parameters(std::size_t route, std::vector<std::string>& segments, Request& request) const {
  const Pattern& pattern = patterns_[route];
  for (std::size_t k = 0; k < pattern.segments.size(); ++k) {
    const std::string& segment = pattern.segments[k];
    if (!is_parameter(segment)) continue;
    const bool is_rest = pattern.has_rest && k + 1 == pattern.segments.size();
    std::string value = std::move(segments[k]);
    for (std::size_t more = k + 1; is_rest && more < segments.size(); ++more) value += "/" + segments[more];
    request.path_parameters.emplace_back(segment.substr(1, segment.size() - (is_rest ? 5 : 2)), std::move(value));
  }
}

const Route* Router::find_literal(const Request& request) const {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (patterns_[i].is_literal && route.pattern == request.target && route.method == request.method) return &route;
  }
  return nullptr;
}

const Route& Router::find(Request& request) const {
  if (const Route* const literal = find_literal(request)) {  // what the rest of this function comes to as well, without its memory
    require_content_type(*literal, request);
    return *literal;
  }
  const std::string_view target(request.target);
  if (!target.starts_with('/')) fail_target("the request's target does not begin with /");
  const std::size_t question = target.find('?');
  std::vector<std::string> segments = split(target.substr(1, question == std::string_view::npos ? question : question - 1), '/');
  for (std::string& segment : segments) {
    segment = percent_decoded(segment, false);
    // Whoever takes a relayed path may make another one of it than the one that was judged here.
    if (has_dots_alone(segment)) fail_target("the request's target has a segment . or .., written out or encoded");
  }

  const Candidates candidates = candidates_for(segments, false);
  auto best = find_method(candidates, request.method);
  if (!best) best = find_method(candidates_for(segments, true), request.method);
  if (!best && candidates.routes.empty()) {
    throw Error(ErrorKind::not_found, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "there is nothing at this path");
  }
  if (!best) {
    std::string allow;
    for (const std::size_t i : candidates.routes) allow += (allow.empty() ? "" : ", ") + routes_[i].method;
    throw MethodNotAllowed(allow);
  }
  fill_parameters(*best, segments, request);
  if (question != std::string_view::npos) read_query(target.substr(question + 1), request);
  require_content_type(routes_[*best], request);
  return routes_[*best];
}

const Route& Router::admit(Request& request) const {
  const Route& route = find(request);
  if (!guard_) return route;
  try {
    guard_(route, request);
  } catch (const Error& refused) {
    tell(route, request, refused);
    throw;
  }
  return route;
}

std::optional<Response> serve_at_once(const Route& route, const Request& request) {
  try {
    if (const auto* plain = std::get_if<PlainHandler>(&route.handler)) return (*plain)(request);
    if (const auto* rarely = std::get_if<RarelyWaitingHandler>(&route.handler)) return rarely->at_once(request);
    return std::nullopt;
  } catch (...) {
    return refusal_by(route, request, std::current_exception());
  }
}

boost::asio::awaitable<void> later_turn(const Request& request) {
  if (request.turns != nullptr) co_await request.turns->later_turn();
}

boost::asio::awaitable<bool> BodyReader::pause(std::chrono::steady_clock::duration time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return true;
}

boost::asio::awaitable<Response> serve(const Route& route, const Request& request, std::shared_ptr<BodyReader> body) {
  std::optional<Response> at_once = serve_at_once(route, request);
  if (at_once) co_return std::move(*at_once);
  Response response = co_await serve_waiting(route, request, body);
  co_return std::move(response);
}

boost::asio::awaitable<Response> serve_waiting(const Route& route, const Request& request, std::shared_ptr<BodyReader> body) {
  Response response;
  std::exception_ptr failure;
  try {
    if (const auto* waiting = std::get_if<WaitingHandler>(&route.handler)) {
      response = co_await (*waiting)(request);
    } else if (const auto* rarely = std::get_if<RarelyWaitingHandler>(&route.handler)) {
      response = co_await rarely->waiting(request);
    } else {
      response = co_await std::get<StreamingHandler>(route.handler)(request, body);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) response = refusal_by(route, request, failure);
  co_return std::move(response);
}

Response refusal(const Request& request, std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const MethodNotAllowed& refused) {
    return to_problem(refused).with("allow", refused.allow());
  } catch (const Challenge& refused) {
    return to_problem(refused).with("www-authenticate", refused.www_authenticate());
  } catch (const Error& refused) {
    return to_problem(refused);
  } catch (const std::exception& unforeseen) {
    return internal_problem(request, unforeseen.what());
  } catch (...) {
    return internal_problem(request, "an exception of unknown type");
  }
}

}  // namespace sbi

#include "lib/core/relay.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/sbi/json.hpp"

namespace core {
namespace {

using base::Error;
using base::ErrorKind;
using sbi::Request;
using sbi::Response;

constexpr std::string_view kLinkPrefix = "r-";
constexpr std::size_t kMacOctets = 16;
/// Characters of an id: base64url of the MAC and a URI of kMaxUriSize.
constexpr std::size_t kMaxLinkSize = kLinkPrefix.size() + ((kMacOctets + RelayLinks::kMaxUriSize) * 4 + 2) / 3;
constexpr std::size_t kMaxRewritten = 1024 * 1024;       ///< octets of an answer that is searched for links; a longer one passes as it is
constexpr std::size_t kMaxResting = 1000;                ///< origins remembered
constexpr std::string_view kContexts = "/nausf-auth/v1/ue-authentications/";

/// Header fields of one connection, or that the client writes itself.
bool is_of_one_hop(const std::string& name) {
  static constexpr std::array<std::string_view, 8> kNames{"connection", "keep-alive",        "proxy-connection", "transfer-encoding",
                                                          "upgrade",    "te",                "host",             "3gpp-sbi-target-apiroot"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

/// Counts a request while its answer is awaited, which may last longer than the Relay: the loop's end destroys what waits.
class InFlight {
 public:
  InFlight(std::shared_ptr<std::size_t> count, std::size_t max) : count_(std::move(count)) {
    if (*count_ >= max) throw Error(ErrorKind::unavailable, "NF_CONGESTION", "too many relayed requests wait for their answers");
    ++*count_;
  }
  ~InFlight() { --*count_; }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  std::shared_ptr<std::size_t> count_;
};

/// True for what makes and follows up authentication contexts. By what the target means: so the router chose its route.
bool is_of_authentication(const Request& request) { return sbi::service_name(request.target) == "nausf-auth"; }

bool has_json(const Response& response) {
  const std::string_view type = response.headers.find("content-type").value_or("");
  return type.find("json") != std::string_view::npos && !type.starts_with("application/problem");
}

Response without_header(Response response, std::string_view name) {
  sbi::Headers kept;
  for (const sbi::Header& header : response.headers.fields()) {
    if (header.name != name) kept.add(header.name, header.value);
  }
  response.headers = std::move(kept);
  return response;
}

std::string path_of(const std::string& target) { return target.substr(0, target.find('?')); }

/// What was read already, and then the rest: for an answer that is too long to be searched.
class Rejoined final : public sbi::BodyReader {
 public:
  Rejoined(std::string begun, std::shared_ptr<sbi::BodyReader> rest) : begun_(std::move(begun)), rest_(std::move(rest)) {}
  boost::asio::awaitable<std::optional<std::string>> next() override {
    if (begun_.empty()) return rest_->next();
    return first();
  }

 private:
  boost::asio::awaitable<std::optional<std::string>> first() { co_return std::exchange(begun_, std::string()); }
  std::string begun_;
  std::shared_ptr<sbi::BodyReader> rest_;
};

/// The URI of a resource at a peer; what cannot be followed up is refused here, not when somebody follows.
const std::string& require_followable(const std::string& uri) {
  bool is_sound = uri.size() <= RelayLinks::kMaxUriSize;
  try {
    is_sound = is_sound && !sbi::Uri::parse(uri).path.empty();
  } catch (const std::invalid_argument&) {
    is_sound = false;
  }
  if (is_sound) return uri;
  base::log::warning("a relayed answer names a resource whose URI cannot be followed up");
  throw Error(ErrorKind::gateway_timeout, "NETWORK_FAILURE", "the function that serves this subscriber names a resource that leads nowhere");
}

/// The body, or a little more than `limit` octets of it. Each piece may come in time and the whole not: after `until` it is broken off.
boost::asio::awaitable<std::string> read_up_to(std::shared_ptr<sbi::BodyReader> source, std::size_t limit,
                                               std::chrono::steady_clock::time_point until) {
  std::string body;
  std::string failure;
  try {
    while (body.size() <= limit && failure.empty()) {
      const std::optional<std::string> piece = co_await source->next();
      if (!piece) break;
      body += *piece;
      if (std::chrono::steady_clock::now() > until) failure = "it did not end within its time";
    }
  } catch (const sbi::ClientError& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    base::log::warning("a relayed answer broke off: {}", failure);
    throw Error(ErrorKind::gateway_timeout, "NETWORK_FAILURE", "the function that serves this subscriber broke off its answer");
  }
  co_return std::move(body);
}

}  // namespace

RelayLinks::RelayLinks(base::SecretBytes key) : key_(std::move(key)) {
  if (key_.size() != 16) throw std::invalid_argument("the key of relayed links has 16 octets");
}

/// Of the URI, a zero octet and the holder. No URI that opens has a zero octet, so no two of these are the same.
crypto::Block RelayLinks::mac_of(base::BytesView uri, std::string_view holder) const {
  constexpr std::array<std::uint8_t, 1> kBetween{0};
  return crypto::aes_cmac(key_.reveal().first<16>(), base::concatenate(uri, kBetween, base::as_bytes(holder)));
}

std::string RelayLinks::make(std::string_view uri, std::string_view holder) const {
  const crypto::Block mac = mac_of(base::as_bytes(uri), holder);
  return std::string(kLinkPrefix) + base::to_base64url(base::concatenate(mac, base::as_bytes(uri)));
}

bool RelayLinks::may_be_link(std::string_view id) noexcept { return id.starts_with(kLinkPrefix) && id.size() <= kMaxLinkSize; }

std::optional<std::string> RelayLinks::open(std::string_view id, std::string_view holder) const {
  if (!may_be_link(id)) return std::nullopt;
  const auto octets = base::from_base64url(id.substr(kLinkPrefix.size()));
  if (!octets || octets->size() <= kMacOctets) return std::nullopt;
  const base::BytesView all(*octets);
  const base::BytesView uri = all.subspan(kMacOctets);
  if (std::find(uri.begin(), uri.end(), 0) != uri.end()) return std::nullopt;
  if (!base::equal_in_constant_time(mac_of(uri, holder), all.first(kMacOctets))) return std::nullopt;
  return std::string(base::as_text(uri));
}

std::string absolute_uri(const std::string& reference, const std::string& base) {
  const std::size_t scheme_end = reference.find("://");
  if (scheme_end != std::string::npos && reference.find_first_of("/?#") > scheme_end) return reference;
  const std::size_t authority = base.find("://") + 3;
  if (reference.starts_with("//")) return base.substr(0, authority - 2) + reference;
  const std::size_t path = std::min(base.find('/', authority), base.size());
  if (reference.starts_with('/')) return base.substr(0, path) + reference;
  const std::size_t last = std::max(base.rfind('/'), path);
  return base.substr(0, last) + "/" + reference;
}

/// False for what is not sound too: it passes as it is.
static bool has_links(const std::string& text) {
  try {
    const nlohmann::json document = sbi::parse_json(text);
    return document.is_object() && document.contains("_links");
  } catch (const Error&) {
    return false;
  }
}

std::string with_links(const std::string& json, const std::function<std::string(const std::string&)>& replace) {
  if (!has_links(json)) return json;
  std::string out;
  std::string key;            // the last one seen
  std::size_t depth = 0;
  bool is_in_links = false;
  for (std::size_t i = 0; i < json.size();) {
    const char c = json[i];
    if (c != '"') {
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      out += json[i++];
      continue;
    }
    std::size_t end = i + 1;
    while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    const std::string literal = json.substr(i, ++end - i);
    i = end;
    const std::size_t next = json.find_first_not_of(" \t\r\n", i);
    const bool is_key = next != std::string::npos && json[next] == ':';
    if (is_key) {
      key = nlohmann::json::parse(literal).get<std::string>();
      if (depth == 1) is_in_links = key == "_links";
      out += literal;
    } else if (is_in_links && key == "href") {
      out += nlohmann::json(replace(nlohmann::json::parse(literal).get<std::string>())).dump();
    } else {
      out += literal;
    }
  }
  return out;
}

Relay::Relay(sbi::Client& client, const RelayLinks& links, PartyOf party_of, Settings settings)
    : client_(client), links_(links), party_of_(std::move(party_of)), settings_(std::move(settings)) {}

/// Who has the ids in the answer to this request, and those in its path: whoever asks for the same service, and of an authentication its party alone.
std::string Relay::holder_of(const Request& request) const {
  std::string holder = sbi::service_name(request.target);
  if (party_of_ && is_of_authentication(request)) holder += "/" + party_of_(request.peer);
  return holder;
}

std::optional<std::string> Relay::resource_of(const Request& request, std::string_view id) const {
  if (!RelayLinks::may_be_link(id)) return std::nullopt;  // most ids are not, and the party need not be known
  return links_.open(id, holder_of(request));
}

std::chrono::milliseconds Relay::deadline_of(const Request& request) const {
  const auto text = request.headers.find("3gpp-sbi-max-rsp-time");
  if (!text) return settings_.timeout;
  std::int64_t asked_ms = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), asked_ms);
  if (fault != std::errc() || end != text->data() + text->size() || asked_ms <= 0) return settings_.timeout;
  return std::min(settings_.timeout, std::chrono::milliseconds(asked_ms));
}

Request Relay::onward(const Request& request, const sbi::Uri& root, std::string target) const {
  Request out;
  out.method = request.method;
  out.scheme = root.scheme;
  out.authority = root.authority();
  out.target = std::move(target);
  out.body = request.body;
  for (const sbi::Header& header : request.headers.fields()) {
    const bool is_written_anew = header.name == "content-length" && !request.body.empty();
    if (!is_of_one_hop(header.name) && !is_written_anew) out.headers.add(header.name, header.value);
  }
  out.headers.add("via", "2.0 " + settings_.name);
  return out;
}

void Relay::put_resting_last(std::vector<sbi::Uri>& roots) const {
  const Instant now = std::chrono::steady_clock::now();
  std::stable_partition(roots.begin(), roots.end(), [&](const sbi::Uri& root) {
    const auto found = resting_.find(root.origin());
    return found == resting_.end() || found->second < now;
  });
}

boost::asio::awaitable<Response> Relay::send(const Request& request, sbi::Uri root, std::string target,
                                             std::shared_ptr<sbi::BodyReader> body, Instant until) {
  const Request onward_request = onward(request, root, std::move(target));
  // A body that no one announced and that the method does not have is not made up.
  const bool may_lack_body = request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
  if (may_lack_body && !request.headers.find("content-length")) body.reset();
  const InFlight counted(in_flight_, settings_.max_in_flight);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  Response answer = co_await client_.open(root, onward_request, body, std::max(left, std::chrono::milliseconds(1)));
  co_return std::move(answer);
}

boost::asio::awaitable<Response> Relay::forward(const Request& request, std::vector<sbi::Uri> roots,
                                                std::shared_ptr<sbi::BodyReader> body) {
  for (const sbi::Header& header : request.headers.fields()) {
    if (header.name != "via" || header.value.find(settings_.name) == std::string::npos) continue;
    throw Error(ErrorKind::bad_request, "MSG_LOOP_DETECTED",
                "this request has come through here before: the routing tables of two functions send it to each other");
  }
  put_resting_last(roots);
  const Instant until = std::chrono::steady_clock::now() + deadline_of(request);
  for (const sbi::Uri& root : roots) {
    std::string target = root.path + request.target;
    const std::string asked = root.origin() + path_of(target);
    Response answer;
    std::string failure;
    bool is_unreachable = false;
    try {
      answer = co_await send(request, root, std::move(target), body, until);
    } catch (const sbi::ClientError& error) {
      failure = error.what();
      is_unreachable = error.kind() == sbi::ClientError::Kind::unreachable;
    }
    if (failure.empty()) {
      resting_.erase(root.origin());
      Response led_back = co_await lead_back(request, asked, std::move(answer), until);
      co_return std::move(led_back);
    }
    base::log::warning("a request for {} was not relayed: {}", path_of(request.target), failure);
    if (!is_unreachable) break;  // it may have been carried out: it is not given to another one
    if (resting_.size() < kMaxResting) resting_[root.origin()] = std::chrono::steady_clock::now() + settings_.rest;
  }
  throw Error(ErrorKind::gateway_timeout, "TARGET_NF_NOT_REACHABLE", "the function that serves this subscriber gives no answer");
}

boost::asio::awaitable<Response> Relay::follow_up(const Request& request, std::string segment, std::string uri,
                                                  std::shared_ptr<sbi::BodyReader> body) {
  const sbi::Uri resource = sbi::Uri::parse(uri);  // a relayed answer's, authenticated: see require_followable
  const std::size_t at = request.target.find(segment);
  if (at == std::string::npos) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such resource");
  std::string target = resource.path + request.target.substr(at + segment.size());
  const std::string asked = resource.origin() + path_of(target);
  const Instant until = std::chrono::steady_clock::now() + deadline_of(request);
  Response answer;
  std::string failure;
  try {
    answer = co_await send(request, resource, std::move(target), body, until);
  } catch (const sbi::ClientError& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    base::log::warning("a request that follows up was not relayed: {}", failure);
    throw Error(ErrorKind::gateway_timeout, "TARGET_NF_NOT_REACHABLE", "the function that made this resource gives no answer");
  }
  Response led_back = co_await lead_back(request, asked, std::move(answer), until);
  co_return std::move(led_back);
}

boost::asio::awaitable<Response> Relay::lead_back(const Request& request, std::string asked, Response answer, Instant until) {
  sbi::Headers headers;
  for (const sbi::Header& header : answer.headers.fields()) {
    if (is_of_one_hop(header.name)) continue;
    std::string value = header.value;
    if (header.name == "location" && answer.status == 201) {
      const std::string made = absolute_uri(value, asked);
      value = request.api_root() + path_of(request.target);  // PUT makes the resource that it names
      if (request.method == "POST") value += "/" + links_.make(require_followable(made), holder_of(request));
    } else if (header.name == "location") {
      value = absolute_uri(value, asked);  // of a redirection: relative to whoever redirects, not to us
    }
    headers.add(header.name, std::move(value));
  }
  answer.headers = std::move(headers);
  if (!is_of_authentication(request) || !has_json(answer)) co_return std::move(answer);

  const std::shared_ptr<sbi::BodyReader> source = answer.stream;
  std::string body = co_await read_up_to(source, kMaxRewritten, until);
  if (body.size() > kMaxRewritten) {
    answer.stream = std::make_shared<Rejoined>(std::move(body), source);
    co_return std::move(answer);
  }
  const std::string contexts = request.api_root() + std::string(kContexts);
  const std::string holder = holder_of(request);
  answer.body = with_links(body, [&](const std::string& href) {
    const std::string uri = absolute_uri(href, asked);
    const std::size_t slash = require_followable(uri).rfind('/');
    return contexts + links_.make(uri.substr(0, slash), holder) + uri.substr(slash);
  });
  answer.stream.reset();
  answer = without_header(std::move(answer), "content-length");
  co_return std::move(answer);
}

}  // namespace core

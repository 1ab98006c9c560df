#include "lib/core/access_token.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/core/nrf_messages.hpp"
#include "lib/sbi/json.hpp"

namespace core {
namespace {

using base::Time;
using nlohmann::json;

/// The last second of the year 9999: no NumericDate is later.
constexpr std::int64_t kMaxDateS = 253402300799;
constexpr std::size_t kMaxClaimedScopeSize = kMaxAuthorizationSize;

[[noreturn]] void fail(const char* why) { throw TokenError(why); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// UUIDs are the same in either case (RFC 4122, section 3); anything else, NF types among it, is compared letter for letter.
bool is_same_name(std::string_view a, std::string_view b) { return a == b || (is_uuid(a) && is_same_ignoring_case(a, b)); }

/// The token in the value of an authorization header.
std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() > kMaxAuthorizationSize) fail("the authorization is too long");
  if (!is_same_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) fail("the authorization is no bearer token");
  const std::size_t begin = authorization.find_first_not_of(' ', kScheme.size() - 1);
  if (begin == std::string_view::npos) fail("the token is empty");
  return authorization.substr(begin);
}

/// The three parts of a compact serialization, as they stand.
struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signing_input;
};

Parts split(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  const bool is_compact = first != std::string_view::npos && first != last && token.find('.', first + 1) == last;
  if (!is_compact) fail("the token is no JWS in compact serialization");
  return {token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1), token.substr(0, last)};
}

/// A part of the token that is a JSON object; throws TokenError for anything else.
json read_object(std::string_view part, const char* fault) {
  const auto octets = base::from_base64url(part);
  if (!octets) fail(fault);
  try {
    json document = sbi::parse_json(base::as_text(*octets));
    if (document.is_object()) return document;
  } catch (const base::Error&) {  // says where in the token it is: of no use to the peer
  }
  fail(fault);
}

/// The header's `alg`; whether it is one of a key's is for the caller to see.
std::string read_algorithm(std::string_view part) {
  const json header = read_object(part, "the token's header is no JSON object in base64url");
  if (header.contains("crit")) fail("the token has a critical header, which is not supported");
  const auto algorithm = header.find("alg");
  if (algorithm == header.end() || !algorithm->is_string()) fail("the token's header has no alg");
  return algorithm->get<std::string>();
}

bool is_scope_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || c == '-';
}

/// ^([a-zA-Z0-9_:-]+)( [a-zA-Z0-9_:-]+)*$, of which the elements.
std::vector<std::string> read_scopes(const std::string& text) {
  std::vector<std::string> out;
  std::string_view left(text);
  while (true) {
    const std::string_view element = left.substr(0, left.find(' '));
    const bool is_name = !element.empty() && std::all_of(element.begin(), element.end(), is_scope_character);
    if (!is_name) fail("the token's scope is no list of services");
    out.emplace_back(element);
    if (element.size() == left.size()) return out;
    left.remove_prefix(element.size() + 1);
  }
}

/// One NF type, or an array of NF instance ids.
std::vector<std::string> read_audiences(const json& claims) {
  constexpr const char* kFault = "the token's aud is neither an NF type nor NF instance ids";
  const auto audience = claims.find("aud");
  if (audience == claims.end()) fail("the token has no aud");
  std::vector<std::string> out;
  const auto add = [&](const json& one) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty()) fail(kFault);
    out.push_back(one.get<std::string>());
  };
  if (!audience->is_array()) {
    add(*audience);
    return out;
  }
  for (const json& one : *audience) add(one);
  if (out.empty()) fail(kFault);
  return out;
}

/// A NumericDate in whole seconds.
Time read_date(const sbi::JsonObject& claims, const char* name) {
  return Time(std::chrono::seconds(claims.integer(name, 0, kMaxDateS)));
}

/// AccessTokenClaims; the accessors' own errors say which member of them is at fault.
AccessToken read_claims(const json& document, Time& not_before) try {
  const sbi::JsonObject claims(document);
  AccessToken out;
  out.issuer = claims.text("iss");
  out.subject = claims.text("sub");
  if (!is_uuid(out.subject)) fail("the token's sub is no NF instance id");  // else it could be another peer's name in a certificate
  out.audiences = read_audiences(document);
  out.scopes = read_scopes(claims.text("scope", kMaxClaimedScopeSize));
  out.expires_at = read_date(claims, "exp");
  if (claims.has("nbf")) not_before = read_date(claims, "nbf");
  if (claims.has("iat")) read_date(claims, "iat");
  return out;
} catch (const base::Error& error) {
  throw TokenError(std::string("the token's claim ") + error.what());
}

}  // namespace

bool AccessToken::has_scope(std::string_view service) const { return std::find(scopes.begin(), scopes.end(), service) != scopes.end(); }

std::size_t AccessTokenVerifier::DigestHash::operator()(const crypto::Sha256Digest& digest) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

AccessToken AccessTokenVerifier::verify(std::string_view authorization, Time now) {
  const std::string_view token = bearer_token(authorization);
  const auto digest = crypto::sha256(base::as_bytes(token));
  if (const auto known = by_digest_.find(digest); known != by_digest_.end()) {
    tokens_.splice(tokens_.begin(), tokens_, known->second);
    check_time(*known->second, now);
    return known->second->token;
  }
  Verified verified;
  verified.digest = digest;
  const json claims = read_object(verified_payload(token), "the token's payload is no JSON object in base64url");
  verified.token = read_claims(claims, verified.not_before);
  if (settings_.issuer.empty() || !is_same_name(verified.token.issuer, settings_.issuer)) fail("the token has another issuer");
  if (!is_ours(verified.token)) fail("the token is for another audience");
  const Verified& remembered = remember(std::move(verified));
  check_time(remembered, now);
  return remembered.token;
}

/// The second part of the token, once its signature was found right.
std::string AccessTokenVerifier::verified_payload(std::string_view token) const {
  const Parts parts = split(token);
  const std::string algorithm = read_algorithm(parts.header);
  const auto signature = base::from_base64url(parts.signature);
  if (!signature) fail("the token's signature is no base64url");
  if (!is_signed(algorithm, parts.signing_input, *signature)) fail("the token is not signed by the NRF");
  return std::string(parts.payload);
}

/// The header's algorithm chooses among the keys; each has but one, so that it never chooses how a key is used.
bool AccessTokenVerifier::is_signed(std::string_view algorithm, std::string_view signing_input, base::BytesView signature) const {
  return std::any_of(settings_.keys.begin(), settings_.keys.end(), [&](const crypto::JwsVerifyingKey& key) {
    return crypto::name(key.algorithm()) == algorithm && key.verify(signing_input, signature);
  });
}

bool AccessTokenVerifier::is_ours(const AccessToken& token) const {
  const auto is_own = [&](const std::string& audience) {
    const auto is_same = [&](const std::string& own) { return is_same_name(own, audience); };
    return std::any_of(settings_.audiences.begin(), settings_.audiences.end(), is_same);
  };
  return std::any_of(token.audiences.begin(), token.audiences.end(), is_own);
}

void AccessTokenVerifier::check_time(const Verified& verified, Time now) const {
  if (verified.token.expires_at <= now - settings_.skew) fail("the token has expired");
  if (verified.not_before > now + settings_.skew) fail("the token is not valid yet");
}

const AccessTokenVerifier::Verified& AccessTokenVerifier::remember(Verified verified) {
  if (tokens_.size() >= kMaxVerifiedTokens) {
    by_digest_.erase(tokens_.back().digest);
    tokens_.pop_back();
  }
  tokens_.push_front(std::move(verified));
  by_digest_.emplace(tokens_.front().digest, tokens_.begin());
  return tokens_.front();
}

std::string www_authenticate(std::string_view error, std::string_view description, std::string_view scope) {
  std::string out = "Bearer";
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const auto is_unsafe = [](char c) { return c < 0x20 || c > 0x7E || c == '"' || c == '\\'; };
    std::string safe(value);
    std::replace_if(safe.begin(), safe.end(), is_unsafe, '?');
    out.append(out.back() == '"' ? ", " : " ").append(name).append("=\"").append(safe).append("\"");
  };
  add("error", error);
  add("error_description", description);
  add("scope", scope);
  if (out.back() != '"') add("realm", "sbi");
  return out;
}

}  // namespace core

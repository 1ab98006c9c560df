#include "lib/service/token_guard.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/service/config.hpp"

namespace service {
namespace {

using base::ErrorKind;

[[noreturn]] void refuse_token(const std::string& why) {
  throw sbi::Challenge(ErrorKind::unauthorized, "", "the access token is refused: " + why, core::www_authenticate("invalid_token", why, ""));
}

/// `nausf-auth` of `/nausf-auth/v1/...`: the scope that a token needs (TS 29.510, 6.3.5.2.4).
std::string service_of(std::string_view pattern) { return std::string(pattern.substr(1, pattern.find('/', 1) - 1)); }

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

void read_key(const Section& section, TokenPolicy& policy) {
  const std::string algorithm = section.text("algorithm");
  const auto known = crypto::jws_algorithm_from_name(algorithm);
  if (!known && !algorithm.empty()) section.problem("algorithm", algorithm + " is none of ES256, ES384, RS256, RS384, RS512");
  const std::string file = read_file_path(section, "file");
  if (!known || file.empty()) return;
  try {
    policy.verifier.keys.push_back(crypto::JwsVerifyingKey::load(file, *known));
  } catch (const crypto::CryptoError& error) {
    section.problem("file", error.what());
  }
}

}  // namespace

std::optional<TokenPolicy> read_token_policy(const Section& sbi, const std::vector<std::string>& own) {
  if (!sbi.has("oauth2")) return std::nullopt;
  const Section section = sbi.section("oauth2");
  const std::string mode = section.text("mode");
  TokenPolicy policy;
  policy.is_required = mode == "required";
  if (mode != "off" && mode != "optional" && mode != "required") section.problem("mode", mode + " is none of off, optional, required");
  policy.is_bound_to_certificate = section.boolean("bind_to_certificate", true);
  policy.verifier.issuer = section.text("issuer", "");
  if (mode != "off" && !section.has("issuer")) {
    section.problem("issuer", "is missing: the NF instance id of the NRF, as its tokens have it in iss; else whoever has the key could make them");
  }
  policy.verifier.skew = std::chrono::seconds(section.integer("skew_s", 0, 300, policy.verifier.skew.count()));
  policy.verifier.audiences = section.texts("audiences");
  policy.verifier.audiences.insert(policy.verifier.audiences.end(), own.begin(), own.end());
  if (policy.verifier.audiences.empty()) section.problem("audiences", "is missing: the NF type or instance id that a token must be for");
  for (const Section& key : section.sections("keys", true)) read_key(key, policy);
  if (mode == "off") return std::nullopt;
  return policy;
}

core::AccessToken TokenGuard::verify(const sbi::Request& request, const std::string& service) {
  core::AccessToken token;
  try {
    token = verifier_.verify(*request.headers.find("authorization"), clock_());
  } catch (const core::TokenError& error) {
    refuse_token(error.what());
  }
  if (token.has_scope(service)) return token;
  const std::string why = "the access token's scope does not have " + service;
  throw sbi::Challenge(ErrorKind::forbidden, "INSUFFICIENT_SCOPE", why, core::www_authenticate("insufficient_scope", why, service));
}

void TokenGuard::require_bound(const core::AccessToken& token, const sbi::Peer& peer) const {
  const auto& uris = *peer.certificate_uris;
  const std::string wanted = "urn:uuid:" + lower_case(token.subject);
  const bool is_bound = std::any_of(uris.begin(), uris.end(), [&wanted](const std::string& uri) { return lower_case(uri) == wanted; });
  if (!is_bound) refuse_token("its sub is not in the subjectAltName of the client certificate");
}

void TokenGuard::identify(const AccessRule& rule, sbi::Request& request) {
  if (rule.roles.is_empty()) return;
  const auto& fields = request.headers.fields();
  const auto shown = std::count_if(fields.begin(), fields.end(), [](const sbi::Header& field) { return field.name == "authorization"; });
  if (shown > 1) refuse_token("there are several of them");
  if (shown == 0 && !is_required_) return;
  if (shown == 0) {
    throw sbi::Challenge(ErrorKind::unauthorized, "", "this function asks for an access token of the NRF", core::www_authenticate("", "", ""));
  }
  core::AccessToken token = verify(request, service_of(rule.pattern));
  sbi::Peer& peer = request.peer;
  const bool is_by_certificate = peer.certificate_uris != nullptr;
  if (is_by_certificate && is_bound_) return require_bound(token, peer);
  peer.name = lower_case(std::move(token.subject));
  if (peer.name == sbi::kAnonymous) refuse_token("its sub is anonymous, which stands for peers without one");
  peer.is_verified = true;
}

}  // namespace service

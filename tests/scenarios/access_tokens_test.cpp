#include <catch2/catch.hpp>
#include <set>

#include "tests/scenarios/access_lab.hpp"
#include "tests/scenarios/token_lab.hpp"

/// Who may call what where peers are known by access tokens alone (docs/ACCESS.md): every route of every function, without a token, with one of
/// another service's scope, and with one of each role's peer. access_test.cpp asks the same of certificates.

using namespace test;

namespace {

const std::string kAudienceOfAll = "TEST";
const std::string kStrangersId = "ffffffff-ffff-4fff-8fff-ffffffffffff";

/// The NF instance id of the one peer of a role.
std::string instance_id_of(service::Role role) { return "00000000-0000-4000-8000-00000000000" + std::to_string(static_cast<int>(role)); }

/// `nausf-auth` of `/nausf-auth/v1/...`, as a token's scope has it (TS 29.510, 6.3.5.2.4).
std::string scope_of(std::string_view pattern) { return std::string(pattern.substr(1, pattern.find('/', 1) - 1)); }

struct TokenAccessLab : TokenLab {
  /// All services of the rules but this one.
  static std::string other_scopes(const std::vector<service::AccessRule>& rules, const std::string& scope) {
    std::set<std::string> others;
    for (const service::AccessRule& rule : rules) others.insert(scope_of(rule.pattern));
    others.erase(scope);
    std::string out;
    for (const std::string& other : others) out += (out.empty() ? "" : " ") + other;
    return out;
  }
  Answer ask(std::uint16_t port, const service::AccessRule& rule, const std::string& method, const std::string& authorization) {
    HeaderList headers;
    if (!authorization.empty()) headers = {{"authorization", authorization}};
    return caller.send_raw(port, method, target_of(rule.pattern), "", headers);
  }
  void check_all(std::uint16_t port, const std::vector<service::AccessRule>& rules) {
    for_each_route(rules, [&](const service::AccessRule& rule, const std::string& method) {
      CAPTURE(method, std::string(rule.pattern));
      if (rule.roles.is_empty()) return check_open(ask(port, rule, method, ""));
      check_tokens(port, rule, method, other_scopes(rules, scope_of(rule.pattern)));
      check_roles(port, rule, method);
    });
    CHECK(caller.send_raw(port, "GET", "/health", "", {}).status == 200);
  }
  /// That the guard had nothing to say, whatever became of the request then.
  static void check_open(const Answer& answer) {
    CAPTURE(answer.verdict(), answer.body);
    CHECK(answer.status != 401);
    CHECK(answer.cause() != "INSUFFICIENT_SCOPE");
    CHECK(answer.cause() != "RESOURCE_URI_STRUCTURE_NOT_FOUND");
    CHECK_FALSE(is_refused_for_role(answer));
  }
  /// What each peer of the route's roles is refused without the right token.
  void check_tokens(std::uint16_t port, const service::AccessRule& rule, const std::string& method, const std::string& others) {
    const Answer bare = ask(port, rule, method, "");
    CHECK(bare.status == 401);
    CHECK(bare.header("www-authenticate") == "Bearer realm=\"sbi\"");
    REQUIRE_FALSE(others.empty());
    for (const service::Role role : kAllRoles) {
      if (!rule.roles.has(role)) continue;
      CAPTURE(std::string(service::name(role)));
      const Answer narrow = ask(port, rule, method, bearer(instance_id_of(role), kAudienceOfAll, others));
      CHECK(narrow.verdict() == "403 INSUFFICIENT_SCOPE");
      CHECK_THAT(narrow.header("www-authenticate"), Catch::StartsWith("Bearer error=\"insufficient_scope\""));
      CHECK_THAT(narrow.header("www-authenticate"), Catch::EndsWith("scope=\"" + scope_of(rule.pattern) + "\""));
      const Answer forged = ask(port, rule, method, bearer_of(other_nrf, instance_id_of(role), kAudienceOfAll, scope_of(rule.pattern)));
      CHECK(forged.status == 401);
      CHECK_THAT(forged.header("www-authenticate"), Catch::StartsWith("Bearer error=\"invalid_token\""));
    }
  }
  /// Who is let in with a token that has the right scope.
  void check_roles(std::uint16_t port, const service::AccessRule& rule, const std::string& method) {
    const std::string scope = scope_of(rule.pattern);
    CHECK(is_refused_for_role(ask(port, rule, method, bearer(kStrangersId, kAudienceOfAll, scope))));
    for (const service::Role role : kAllRoles) {
      CAPTURE(std::string(service::name(role)));
      const Answer answer = ask(port, rule, method, bearer(instance_id_of(role), kAudienceOfAll, scope));
      if (rule.roles.has(role)) check_open(answer);
      if (!rule.roles.has(role)) CHECK(is_refused_for_role(answer));
    }
  }

  Party other_nrf = make_party(wanted_leaf("NRF", crypto::KeyUsage::digital_signature));  ///< of the same name, with another key
};

}  // namespace

TEST_CASE_METHOD(TokenAccessLab, "With tokens each route of nf-arpf asks for its scope, and is for the roles of its rule alone", "[access][oauth2][arpf]") {
  start_arpf(with_roles(demanding(arpf_config(), kAudienceOfAll), instance_id_of));
  check_all(arpf_port, rules_of_arpf());
}

TEST_CASE_METHOD(TokenAccessLab, "With tokens each route of nf-d-ausf asks for its scope, and is for the roles of its rule alone", "[access][oauth2][d-ausf]") {
  start_d_ausf(with_roles(demanding(d_ausf_config(), kAudienceOfAll), instance_id_of));
  check_all(d_ausf_port, rules_of_d_ausf());
}

TEST_CASE_METHOD(TokenAccessLab, "With tokens each route of nf-ausf-ext asks for its scope, and is for the roles of its rule alone", "[access][oauth2][ausf-ext]") {
  start_ausf_ext(with_roles(demanding(ausf_ext_config(), kAudienceOfAll), instance_id_of));
  check_all(ausf_port, rules_of_ausf_ext());
}

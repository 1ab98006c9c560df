// Bad input of the classes that crashed others on nausf-auth and nudm-ueau, at both functions, with a routing table and without:
// a refusal as the standards have it, the same in either case, nothing of it at anybody else's, and the next request served.
#include "tests/scenarios/routing_lab.hpp"

using namespace test;

namespace {

const std::string kSoundRand(32, 'a');
const std::string kSoundAuts(28, 'b');

std::string resynchronization_of(const std::string& identity, const std::string& rand, const std::string& auts) {
  return json{{"supiOrSuci", identity},
              {"servingNetworkName", kServingNetwork},
              {"resynchronizationInfo", {{"rand", rand}, {"auts", auts}}}}
      .dump();
}

struct BadInputLab : RoutingLab {
  BadInputLab() {
    is_routed = GENERATE(false, true);
    auto settings = is_routed ? routed_ausf_config(ausf_table()) : ausf_ext_config();
    settings.authentication.method = ausf_ext::Method::eap_aka_prime;
    settings.authentication.methods = {{core::ImsiRange{imsi_of(2), imsi_of(2)}, ausf_ext::Method::aka_5g}};
    start_arpf();
    is_routed ? start_d_ausf(routed_d_ausf_config(d_ausf_table())) : start_d_ausf();
    start_ausf_ext(std::move(settings));
    imsi = onboard();
  }
  static profile::Imsi imsi_of(int last) { return *profile::Imsi::from_digits("00101000000000" + std::to_string(last)); }

  [[nodiscard]] std::vector<std::uint16_t> ports() const { return {ausf_port, d_ausf_port}; }

  /// The subscriber whom a function serves itself.
  [[nodiscard]] std::string own(std::uint16_t port) const { return "imsi-" + (port == ausf_port ? imsi : kDimsi); }

  /// The refusal, and that the function serves on and asked nobody.
  std::string refused(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body) {
    CAPTURE(is_routed, port == ausf_port, method, target, body.substr(0, 300));
    const Answer answer = caller.send_raw(port, method, target, body, body.empty() ? HeaderList() : with_json({}));
    CHECK(answer.status >= 400);
    CHECK(answer.content_type == "application/problem+json");
    CHECK(authenticate(port, own(port)).status == 201);
    CHECK(old_ausf->times_asked() + old_udm->times_asked() == 0);
    return answer.verdict();
  }
  std::string refused_identity(std::uint16_t port, const std::string& identity) {
    return refused(port, "POST", kContexts, authentication_of(identity));
  }
  static std::string generate_path(const std::string& identity) {
    return "/nudm-ueau/v1/" + identity + "/security-information/generate-auth-data";
  }
  static std::string generate_body() {
    return json{{"servingNetworkName", kServingNetwork}, {"ausfInstanceId", "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01"}}.dump();
  }

  bool is_routed = false;
  std::string imsi;
};

/// Whatever they look like, these are identities of nobody.
std::vector<std::string> malformed_identities() {
  return {"imsi-",
          "imsi-12345",
          "imsi-0010100000000012",
          "imsi-" + std::string(1000, '1'),
          "imsi-00101000000000x",
          "imsi--01010000000001",
          "imsi-001010000000001 ",
          "suci-",
          "suci-0",
          "suci-0------",
          "suci-0-----",
          "suci-0-------",
          "suci-0-001-01-0-0-0-",
          "suci-0-001-01-0-0-0-x",
          "suci-0-001-01-0-0-0-00000000000",
          "suci-0-01-01-0-0-0-0000000001",
          "suci-0-001-1-0-0-0-0000000001",
          "suci-0-001-0101-0-0-0-0000000001",
          "suci-0-001-01--0-0-0000000001",
          "suci-0-001-01-12345-0-0-0000000001",
          "suci-0-001-01-0-0-256-0000000001",
          "suci-0-001-01-0-0-1-0000000001",
          "suci-0-001-01-0-x-0-0000000001",
          "suci-0-001-01-0-1-1-zz",
          "suci-8-001-01-0-0-0-0000000001"};
}

}  // namespace

TEST_CASE_METHOD(BadInputLab, "An identity that is none is 400 as an AUSF's and as a UDM's, whoever may serve it",
                 "[bad-input][routing]") {
  for (const std::uint16_t port : ports()) {
    CHECK(refused_identity(port, "") == "400 MANDATORY_IE_INCORRECT");
    for (const std::string& identity : malformed_identities()) {
      CHECK(refused_identity(port, identity) == "400 MANDATORY_IE_INCORRECT");
      if (identity.find(' ') == std::string::npos) {
        CHECK(refused(port, "POST", generate_path(identity), generate_body()).starts_with("400"));
        CHECK(refused(port, "POST", "/nudm-ueau/v1/" + identity + "/auth-events", "{}").starts_with("400"));
      }
    }
    CHECK(refused(port, "POST", generate_path(""), generate_body()).starts_with("4"));
    CHECK(refused(port, "POST", kContexts + "/deregister", R"({"supi":""})") == "400 MANDATORY_IE_INCORRECT");
    CHECK(refused(port, "POST", kContexts + "/deregister", R"({"supi":"imsi-"})") == "400 MANDATORY_IE_INCORRECT");
    CHECK(refused(port, "POST", kContexts, R"({"supiOrSuci":null,"servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"})") ==
          "400 MANDATORY_IE_INCORRECT");
    CHECK(refused(port, "POST", kContexts, "{}") == "400 MANDATORY_IE_MISSING");
  }
}

TEST_CASE_METHOD(BadInputLab, "A home network key 0, or one that nobody has, is refused where the SUCI is served",
                 "[bad-input][routing]") {
  const std::string output = std::string(64, 'a') + std::string(10, 'b') + std::string(16, 'c');
  for (const std::uint16_t port : ports()) {
    const std::string plmn = port == ausf_port ? "001-01" : "901-70";
    const bool goes_to_core = is_routed && port == ausf_port;  // by the PLMN: it may be the core's key
    for (const std::string scheme : {"1", "2"}) {
      for (const std::string id : {"0", "1", "255"}) {
        const std::string suci = "suci-0-" + plmn + "-0-" + scheme + "-" + id + "-" + output;
        CAPTURE(is_routed, suci);
        const Answer answer = authenticate(port, suci);
        if (id == "0") {
          CHECK(answer.status >= 400);
          CHECK(answer.status <= 403);
        } else if (goes_to_core) {
          CHECK(answer.status == 201);
        } else {
          CHECK(answer.verdict() == "403 INVALID_HN_PUBLIC_KEY_IDENTIFIER");
        }
        CHECK(authenticate(port, own(port)).status == 201);
      }
    }
    if (!goes_to_core)
      CHECK(authenticate(port, "suci-0-" + plmn + "-0-9-1-" + output).verdict() == "501 UNSUPPORTED_PROTECTION_SCHEME");
  }
}

TEST_CASE_METHOD(BadInputLab, "A resynchronisation that cannot be one is refused", "[bad-input][routing]") {
  for (const std::uint16_t port : ports()) {
    const auto refused_with = [&](const std::string& rand, const std::string& auts) {
      const std::string body = resynchronization_of(own(port), rand, auts);
      const std::string verdict = refused(port, "POST", kContexts, body);
      CHECK(refused(port, "POST", generate_path(own(port)), [&] {
              json other = json::parse(body);
              other["ausfInstanceId"] = "d3536f9c-6e5e-41f0-9d0a-1b5f8e8f2a01";
              return other.dump();
            }()) == verdict);
      return verdict;
    };
    for (const std::string& rand : {std::string(), std::string("a"), std::string(30, 'a'), std::string(31, 'a'),
                                    std::string(33, 'a'), std::string(34, 'a'), std::string(32, 'g')}) {
      CHECK(refused_with(rand, kSoundAuts).starts_with("400"));
    }
    for (const std::string& auts : {std::string(), std::string("b"), std::string(26, 'b'), std::string(27, 'b'),
                                    std::string(29, 'b'), std::string(30, 'b'), std::string(28, 'x')}) {
      CHECK(refused_with(kSoundRand, auts).starts_with("400"));
    }
    // Well-formed, but of no challenge of ours.
    const std::string verdict = refused_with(kSoundRand, kSoundAuts);
    CHECK((verdict.starts_with("403") || verdict.starts_with("504")));
    const std::string unknown = port == ausf_port ? "imsi-001010000000777" : "imsi-901700000000777";
    CHECK(refused(port, "POST", kContexts, resynchronization_of(unknown, kSoundRand, kSoundAuts)) == "404 USER_NOT_FOUND");
  }
}

TEST_CASE_METHOD(BadInputLab, "A context that was removed, or never was, is not found", "[bad-input][routing]") {
  const Answer eap = authenticate(ausf_port, own(ausf_port));
  const Answer aka = authenticate(d_ausf_port, own(d_ausf_port));
  REQUIRE(eap.status == 201);
  REQUIRE(aka.status == 201);
  const std::string session = link(eap, "eap-session");
  CHECK(caller.send_raw(ausf_port, "DELETE", session, "", {}).status == 204);
  CHECK(refused(ausf_port, "POST", session, R"({"eapPayload":"AgEACDIBAAA="})") == "404 CONTEXT_NOT_FOUND");
  for (const std::uint16_t port : ports()) {
    for (const std::string id : {"0", "1", "r-", "r-AAAA", "deregister"}) {
      CHECK(refused(port, "PUT", kContexts + "/" + id + "/5g-aka-confirmation", json{{"resStar", kSoundRand}}.dump())
                .starts_with("404"));
    }
    CHECK(refused(port, "PUT", kContexts + "/" + std::string(64, '0') + "/5g-aka-confirmation",
                  json{{"resStar", kSoundRand}}.dump()) == "404 CONTEXT_NOT_FOUND");
  }
}

TEST_CASE_METHOD(BadInputLab,
                 "An eapPayload that is no EAP response is refused or fails, and the session's context with it or not",
                 "[bad-input][routing]") {
  const auto hex = [](const std::string& digits) { return base::from_hex(digits).value(); };
  const std::vector<base::Bytes> packets{
      {},
      hex("02"),
      hex("0201"),
      hex("020100"),
      hex("02010004"),                  // 4 octets: no type
      hex("0201000532"),                // 5 octets: a type alone
      hex("020100053201"),              // longer than it says
      hex("0201000832010000"),          // no attribute
      hex("0201000932010000ff"),        // an odd tail
      hex("0201000a32010000ff01"),      // an attribute that ends before its length
      hex("0201000c320100000b050000"),  // AT_MAC, cut
      hex("0201000c3201000003000000"),  // a length of 0
      hex("0201ffff32010000"),          // a length beyond the packet
      hex("0201000003"),
      hex("ffffffffff"),
      base::Bytes(5000, 0xFF),
  };
  for (const base::Bytes& packet : packets) {
    CAPTURE(is_routed, base::to_hex(packet).substr(0, 100));
    const Answer challenge = authenticate(ausf_port, own(ausf_port));
    REQUIRE(challenge.status == 201);
    const std::string session = link(challenge, "eap-session");
    const Answer answer =
        caller.send_raw(ausf_port, "POST", session, json{{"eapPayload", base::to_base64(packet)}}.dump(), with_json({}));
    const bool is_refused = answer.status == 400;
    const bool is_failed = answer.status == 200 && answer.content()["authResult"] == "AUTHENTICATION_FAILURE";
    CHECK((is_refused || is_failed));
    CHECK(answer.body.find("kSeaf") == std::string::npos);
    (void)caller.send_raw(ausf_port, "DELETE", session, "", {});
  }
  const std::string session = link(authenticate(ausf_port, own(ausf_port)), "eap-session");
  for (const char* body : {R"({})", R"({"eapPayload":null})", R"({"eapPayload":1})", R"({"eapPayload":"!"})",
                           R"({"eapPayload":"AgEACDIBAAA"})", R"({"eapPayload":["AgEACDIBAAA="]})"}) {
    CHECK(refused(ausf_port, "POST", session, body).starts_with("400"));
  }
}

TEST_CASE_METHOD(BadInputLab, "A hundred query parameters, or an odd query, trouble nobody", "[bad-input][routing]") {
  std::string query = "?";
  for (int i = 0; i < 100; ++i) query += "parameter-" + std::to_string(i) + "=" + std::to_string(i) + "&";
  for (const std::uint16_t port : ports()) {
    for (const std::string& one :
         {query, std::string("?"), std::string("?&&&==&=x&x"), std::string("?a=%"), "?a=" + std::string(4000, 'x')}) {
      CAPTURE(is_routed, one.substr(0, 50));
      const Answer answer = caller.send_raw(port, "POST", kContexts + one, authentication_of(own(port)), with_json({}));
      CHECK((answer.status == 201 || answer.status == 400));
      const Answer read = caller.send_raw(port, "GET", "/nudm-sdm/v2/" + own(port) + "/am-data" + one, "", {});
      CHECK(read.status >= 400);
      CHECK(read.status < 500);
      CHECK(authenticate(port, own(port)).status == 201);
    }
  }
  if (is_routed) {
    CHECK(caller.send_raw(ausf_port, "GET", "/nudm-sdm/v2/" + kTheirs + "/am-data" + query, "", {}).status == 404);
    CHECK(old_udm->asked().back().target == "/nudm-sdm/v2/" + kTheirs + "/am-data" + query);
  }
}

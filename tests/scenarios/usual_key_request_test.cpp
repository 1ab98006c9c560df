// The fast reader of retrieve-key's body, held against the one that reads a document.
#include <catch2/catch.hpp>

#include "lib/base/error.hpp"
#include "nf-arpf/api_key_request.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/mutations.hpp"

using namespace test;

namespace {

std::string in_words(const arpf::KeyRequest& request) {
  const arpf::SeCredentials& se = request.credentials;
  std::string out = base::to_hex(se.token) + " " + base::to_hex(se.authorization);
  for (const crypto::Certificate* one : {&se.secure_element, &se.part_number, &se.issuer, &request.operator_certificate}) {
    out += " " + base::to_hex(one->der());
  }
  return out;
}

/// Bodies that are right, with an authorization and without; and both readers, each with certificates of its own that it knows.
struct KeyRequestLab : Lab {
  KeyRequestLab() {
    const json plain = key_request(make_device("901700000000001"));
    json authorized = plain;
    authorized["authorization"] = base::to_base64(base::Bytes(200, 0x30));
    bodies = {plain.dump(), authorized.dump(1)};
  }
  std::optional<std::string> usual(const std::string& body) {
    const auto read = arpf::read_usual_key_request(body, known_to_fast);
    return read ? std::optional(in_words(*read)) : std::nullopt;
  }
  std::string of_document(const std::string& body) {
    try {
      return in_words(arpf::read_key_request(body, known_to_plain));
    } catch (const base::Error& error) {
      return error.cause() + ": " + error.what();
    }
  }

  std::vector<std::string> bodies;
  crypto::KnownCertificates known_to_fast;
  crypto::KnownCertificates known_to_plain;
};

}  // namespace

TEST_CASE_METHOD(KeyRequestLab, "The body of retrieve-key as target AUSFs write it takes the fast path", "[arpf][step-0e]") {
  for (const std::string& body : bodies) {
    REQUIRE(usual(body));
    CHECK(*usual(body) == of_document(body));
  }
}

TEST_CASE_METHOD(KeyRequestLab, "A body of retrieve-key that is not as it should be is left to the document reader", "[arpf][step-0e]") {
  for (const char* const name : {"token", "seCertificate", "pnCertificate", "ciCertificate", "operatorCertificate", "authorization"}) {
    for (const json& value : {json(nullptr), json(7), json(""), json("?"), json("AAAA="), json(base::to_base64(base::Bytes(16385, 0x30)))}) {
      json body = json::parse(bodies.back());
      (body.contains(name) ? body : body["seCredentials"])[name] = value;
      CAPTURE(name, value);
      CHECK_FALSE(usual(body.dump()));
    }
  }
  for (const std::string& body : {std::string(), std::string("{}"), std::string("null"), bodies.front() + "x", std::string(R"({"seCredentials":{}})")}) {
    CHECK_FALSE(usual(body));
  }
}

TEST_CASE_METHOD(KeyRequestLab, "The fast path of retrieve-key's body comes to what the document reader comes to, of 30,000 mutated bodies",
                 "[arpf][step-0e]") {
  Mutations mutations(bodies, "\"\\{}[]:,. 0159AQgz+/=-\x7f\x01\xc3\n");
  int taken = 0;
  for (int i = 0; i < 30000; ++i) {
    const std::string body = mutations.next();
    const auto fast = usual(body);
    if (!fast) continue;
    ++taken;
    CAPTURE(body);
    REQUIRE(*fast == of_document(body));
  }
  CHECK(taken > 200);
}

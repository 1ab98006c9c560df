#include "lib/aka/milenage.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::OperatorKey;
using aka::OperatorVariant;
using aka::SequenceNumber;
using aka::SubscriberKey;
using aka::SubscriberKeys;

TEST_CASE("Milenage gives the outputs of TS 35.208, test set 3", "[aka]") {
  // TS 35.208, clause 4.3.3.
  const SubscriberKeys keys{test::key<SubscriberKey>("fec86ba6eb707ed08905757b1bb44b8f"),
                            test::key<OperatorVariant>("1006020f0a478bf6b699f15c062e42b3")};
  const auto rand = test::octets<16>("9f7c8d021accf4db213ccff0c7f71a6a");
  const auto sqn = SequenceNumber::from_octets(test::octets<6>("9d0277595ffc"));
  const auto amf = test::octets<2>("725c");
  CHECK(aka::derive_opc(keys.k, test::key<OperatorKey>("dbc59adcb6f9a0ef735477b7fadf8374")) == keys.opc);
  CHECK(base::to_hex(aka::f1(keys, rand, sqn, amf)) == "9cabc3e99baf7281");
  CHECK(base::to_hex(aka::f1_star(keys, rand, sqn, amf)) == "95814ba2b3044324");
  const auto response = aka::f2345(keys, rand);
  CHECK(test::hex_of(response.res) == "8011c48c0c214ed2");
  CHECK(test::hex_of(response.ck) == "5dbdbb2954e8f3cde665b046179a5098");
  CHECK(test::hex_of(response.ik) == "59a92d3b476a0443487055cf88b2307b");
  CHECK(test::hex_of(response.ak) == "33484dc2136b");
  CHECK(test::hex_of(aka::f5_star(keys, rand)) == "deacdd848cc6");

  const auto at_once = aka::f12345(keys, rand, sqn, amf);
  CHECK(base::to_hex(at_once.mac_a) == "9cabc3e99baf7281");
  CHECK(at_once.response.res == response.res);
  CHECK(at_once.response.ck == response.ck);
  CHECK(at_once.response.ik == response.ik);
  CHECK(at_once.response.ak == response.ak);
}

TEST_CASE("Milenage gives the outputs of every test set of TS 35.208", "[aka]") {
  if (!test::have_shared_vectors()) return;
  const auto file = test::load_shared_json("aka/milenage_ts35208.json");
  REQUIRE_FALSE(file.at("sets").empty());
  for (const auto& set : file.at("sets")) {
    const auto hex = [&](const char* member) { return set.at(member).get<std::string>(); };
    INFO(hex("spec"));
    const SubscriberKeys keys{test::key<SubscriberKey>(hex("k")), test::key<OperatorVariant>(hex("opc"))};
    const auto rand = test::octets<16>(hex("rand"));
    const auto sqn = SequenceNumber::from_octets(test::octets<6>(hex("sqn")));
    const auto amf = test::octets<2>(hex("amf"));
    CHECK(test::hex_of(aka::derive_opc(keys.k, test::key<OperatorKey>(hex("op")))) == hex("opc"));
    CHECK(base::to_hex(aka::f1(keys, rand, sqn, amf)) == hex("f1"));
    CHECK(base::to_hex(aka::f1_star(keys, rand, sqn, amf)) == hex("f1star"));
    const auto response = aka::f2345(keys, rand);
    CHECK(test::hex_of(response.res) == hex("f2"));
    CHECK(test::hex_of(response.ck) == hex("f3"));
    CHECK(test::hex_of(response.ik) == hex("f4"));
    CHECK(test::hex_of(response.ak) == hex("f5"));
    CHECK(test::hex_of(aka::f5_star(keys, rand)) == hex("f5star"));
  }
}

TEST_CASE("A concealed SQN is revealed with the same AK", "[aka]") {
  const auto ak = test::key<aka::Ak>("aa689c648370");
  const auto sqn = SequenceNumber::from_octets(test::octets<6>("ff9bb4d0b607"));
  CHECK(base::to_hex(aka::conceal(sqn, ak)) == "55f328b43577");  // TS 35.208, clause 4.3.1: SQN xor AK
  CHECK(aka::reveal_sqn(aka::conceal(sqn, ak), ak) == sqn);
}

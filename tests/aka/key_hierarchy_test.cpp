#include "lib/aka/key_hierarchy.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/aka/authentication_vector.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::Ck;
using aka::Ik;
using nlohmann::json;
using test::key;
using test::text;

namespace {

/// The derivation that `known` names, on its inputs.
std::string derived(const json& known) {
  const std::string kind = text(known, "kind");
  if (kind == "KSEAF")
    return test::hex_of(aka::derive_kseaf(key<aka::Kausf>(text(known, "kausf")), text(known, "snn")));
  if (kind == "KAMF") {
    return test::hex_of(aka::derive_kamf(key<aka::Kseaf>(text(known, "kseaf")), text(known, "supi"),
                                         test::octets<2>(text(known, "abba"))));
  }
  const auto ck = key<Ck>(text(known, "ck"));
  const auto ik = key<Ik>(text(known, "ik"));
  if (kind == "KAUSF") {
    return test::hex_of(aka::derive_kausf(ck, ik, text(known, "snn"), test::octets<6>(text(known, "sqn_xor_ak"))));
  }
  REQUIRE(kind == "RES*");
  return test::hex_of(aka::derive_res_star(ck, ik, text(known, "snn"), test::octets<16>(text(known, "rand")),
                                           key<aka::Res>(text(known, "res"))));
}

}  // namespace

TEST_CASE("Each derivation of TS 33.501 annex A gives its known answer", "[aka]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& known : test::load_shared_json("aka/kdf_5g.json").at("single")) {
    INFO(known.dump());
    CHECK(derived(known) == text(known, "out"));
  }
}

TEST_CASE("KAUSF and KSEAF give the answers of a field implementation", "[aka]") {
  // srsRAN_4G, lib/test/common/test_security_kdf.cc.
  const auto kausf =
      aka::derive_kausf(key<Ck>("561e05efbdf2efeb2d558f041c53c445"), key<Ik>("01e0f2f5535431312d57279814cfcd89"),
                        "5G:mnc070.mcc901.3gppnetwork.org", test::octets<6>("305eb06b7307"));
  CHECK(test::hex_of(kausf) == "a2ceb20f7928bf154d4b548aee6d10a97601847fd72d2bc901982c086ea0f346");
  const auto kseaf =
      aka::derive_kseaf(key<aka::Kausf>("d9c8ff91b69e250e256e92466acf80a1d82b65f094b7c071199c0312e067ff3b"),
                        "5G:mnc070.mcc901.3gppnetwork.org");
  CHECK(test::hex_of(kseaf) == "6c50bfa5f32a89ade1ee6c707de6dcfea0790afb6d14f9e55943aeda58334548");
}

TEST_CASE("HXRES* is the lower half of the hash, TS 33.501 A.5", "[aka]") {
  // OAI-CN5G takes the upper half, fcca4f94b62ebfb7b16eab85e7fa523c.
  const auto hxres_star = aka::derive_hres_star(test::octets<16>("1e16332bd324fd90419d8b33f662152d"),
                                                key<aka::ResStar>("a82a33f6d22b446cb35de4c0098a6f5e"));
  CHECK(base::to_hex(hxres_star) == "5fab172b5ddbf21fc71fced8eb2fd29f");
}

TEST_CASE("CK' and IK' are those of RFC 5448, appendix C, case 1", "[aka]") {
  const auto keys =
      aka::derive_prime_keys(key<Ck>("5349fbe098649f948f5d2e973a81c00f"), key<Ik>("9744871ad32bf9bbd1dd5ce54e3e2e5a"),
                             "WLAN", aka::sqn_xor_ak(test::octets<16>("bb52e91c747ac3ab2a5c23d15ee351d5")));
  CHECK(test::hex_of(keys.ck) == "0093962d0dd84aa5684b045c9edffa04");
  CHECK(test::hex_of(keys.ik) == "ccfc230ca74fcc96c0a5d61164f5a76c");
}

TEST_CASE("KASME gives the answers of EPS implementations", "[aka]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& known : test::load_shared_json("aka/kdf_5g.json").at("eps_and_resync")) {
    if (!known.contains("kasme")) continue;
    INFO(text(known, "name"));
    const aka::SubscriberKeys keys{key<aka::SubscriberKey>(text(known, "k")),
                                   key<aka::OperatorVariant>(text(known, "opc"))};
    CHECK(aka::derive_opc(keys.k, key<aka::OperatorKey>(text(known, "op"))) == keys.opc);
    const auto sqn = aka::SequenceNumber::from_octets(test::octets<6>(text(known, "sqn")));
    const auto av =
        aka::make_authentication_vector(keys, test::octets<16>(text(known, "rand")), sqn, aka::kSeparatedAmf);
    CHECK(base::to_hex(av.autn) == text(known, "autn"));
    CHECK(test::hex_of(av.xres) == text(known, "xres"));
    const auto kasme = aka::derive_kasme(av.ck, av.ik, test::octets<3>(text(known, "plmn")), aka::sqn_xor_ak(av.autn));
    CHECK(test::hex_of(kasme) == text(known, "kasme"));
  }
}

TEST_CASE("A parameter of the KDF longer than its length field is refused", "[aka]") {
  const auto kausf = key<aka::Kausf>(std::string(64, '0'));
  CHECK_NOTHROW(aka::derive_kseaf(kausf, std::string(65535, 'x')));
  CHECK_THROWS_AS(aka::derive_kseaf(kausf, std::string(65536, 'x')), std::length_error);
}

#include "lib/aka/authentication_vector.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::Authenticated;
using aka::MacFailure;
using aka::SequenceNumber;
using aka::SynchronisationFailure;
using aka::UsimSequence;
using nlohmann::json;
using test::key;
using test::text;

namespace {

/// A vector of the home side and the USIM that it is for. The numbers are secondAttach of case P-256 in
/// vectors/first-attach-v1.json.
struct Subscriber {
  aka::SubscriberKeys keys{key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4202"),
                           key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092c")};
  aka::Rand rand = test::octets<16>("4f4ffd258ecb6b92f480f22499137a67");
  std::string network = "5G:mnc001.mcc001.3gppnetwork.org";
  UsimSequence usim;

  [[nodiscard]] aka::HomeEnvironmentVector vector(std::uint64_t seq, unsigned ind) const {
    return aka::make_5g_he_av(keys, rand, SequenceNumber::from_seq_and_ind(seq, ind), aka::kSeparatedAmf, network);
  }
  aka::UsimAnswer answer(const aka::Autn& autn) { return aka::usim_authenticate(keys, rand, autn, usim, network); }
};

}  // namespace

TEST_CASE("The 5G vector of the second attach is that of the known answers", "[aka][step-9]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& known : test::load_shared_json("first-attach-v1.json").at("cases")) {
    INFO(text(known, "curve"));
    const json& attach = known.at("secondAttach");
    const aka::SubscriberKeys keys{key<aka::SubscriberKey>(text(attach, "k")),
                                   key<aka::OperatorVariant>(text(attach, "opc"))};
    const auto rand = test::octets<16>(text(attach, "rand"));
    const auto sqn = SequenceNumber::from_octets(test::octets<6>(text(attach, "sqn")));
    const auto amf = test::octets<2>(text(attach, "amf"));
    const std::string network = text(attach, "servingNetworkName");
    CHECK(amf == aka::kSeparatedAmf);

    const auto response = aka::f2345(keys, rand);
    CHECK(test::hex_of(response.res) == text(attach, "res"));
    CHECK(test::hex_of(response.ck) == text(attach, "ck"));
    CHECK(test::hex_of(response.ik) == text(attach, "ik"));
    CHECK(test::hex_of(response.ak) == text(attach, "ak"));
    CHECK(base::to_hex(aka::f1(keys, rand, sqn, amf)) == text(attach, "macA"));

    const auto av = aka::make_5g_he_av(keys, rand, sqn, amf, network);
    CHECK(base::to_hex(av.rand) == text(attach, "rand"));
    CHECK(base::to_hex(av.autn) == text(attach, "autn"));
    CHECK(test::hex_of(av.xres_star) == text(attach, "resStar"));
    CHECK(base::to_hex(aka::derive_hres_star(av.rand, av.xres_star)) == text(attach, "hxresStar"));
    CHECK(test::hex_of(av.kausf) == text(attach, "kausf"));
    CHECK(test::hex_of(aka::derive_kseaf(av.kausf, network)) == text(attach, "kseaf"));
  }
}

TEST_CASE("The 5G vector is that of a live core network's log", "[aka][step-9]") {
  if (!test::have_shared_vectors()) return;
  for (const auto& known : test::load_shared_json("aka/kdf_5g.json").at("end_to_end")) {
    INFO(text(known, "name"));
    const auto rand = test::octets<16>(text(known, "rand"));
    const auto xres_star = key<aka::ResStar>(text(known, "xres_star"));
    CHECK(base::to_hex(aka::derive_hres_star(rand, xres_star)) == text(known, "hxres_star"));
    CHECK(test::hex_of(aka::derive_kseaf(key<aka::Kausf>(text(known, "kausf")), text(known, "snn"))) ==
          text(known, "kseaf"));
    if (!known.contains("k")) continue;
    const aka::SubscriberKeys keys{key<aka::SubscriberKey>(text(known, "k")),
                                   key<aka::OperatorVariant>(text(known, "opc"))};
    const auto sqn = SequenceNumber::from_octets(test::octets<6>(text(known, "sqn")));
    const auto av = aka::make_5g_he_av(keys, rand, sqn, test::octets<2>(text(known, "amf")), text(known, "snn"));
    CHECK(base::to_hex(av.autn) == text(known, "autn"));
    CHECK(av.xres_star == xres_star);
    CHECK(test::hex_of(av.kausf) == text(known, "kausf"));
  }
}

TEST_CASE("A USIM answers a fresh vector as the home side expects, once", "[aka][step-9][step-10]") {
  Subscriber subscriber;
  const auto av = subscriber.vector(1, 0);
  CHECK(base::to_hex(av.autn) == "cb0b0c3ac9a58000d43922262822f331");
  CHECK(aka::has_separation_bit(av.autn));
  const auto answer = subscriber.answer(av.autn);
  REQUIRE(std::holds_alternative<Authenticated>(answer));
  const auto& authenticated = std::get<Authenticated>(answer);
  CHECK(authenticated.res_star == av.xres_star);
  CHECK(authenticated.kausf == av.kausf);
  CHECK(test::hex_of(authenticated.res) == "80b43d4d1d52aa05");

  CHECK(std::holds_alternative<SynchronisationFailure>(subscriber.answer(av.autn)));
  CHECK(std::holds_alternative<Authenticated>(subscriber.answer(subscriber.vector(2, 0).autn)));
}

TEST_CASE("A USIM refuses an AUTN with any bit flipped, and remembers nothing of it", "[aka][step-9]") {
  Subscriber subscriber;
  auto autn = subscriber.vector(1, 0).autn;
  for (std::size_t bit = 0; bit < 128; ++bit) {
    INFO("bit " << bit);
    const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
    autn[bit / 8] ^= mask;
    CHECK(std::holds_alternative<MacFailure>(subscriber.answer(autn)));
    autn[bit / 8] ^= mask;
  }
  CHECK(subscriber.usim.highest() == SequenceNumber());
  CHECK(std::holds_alternative<Authenticated>(subscriber.answer(autn)));
}

TEST_CASE("A USIM refuses another subscriber's vector, and another RAND", "[aka][step-9]") {
  Subscriber subscriber;
  const auto autn = subscriber.vector(1, 0).autn;
  SECTION("another K") { subscriber.keys.k = key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4203"); }
  SECTION("another OPc") { subscriber.keys.opc = key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092d"); }
  SECTION("another RAND") { subscriber.rand[0] ^= 1; }
  CHECK(std::holds_alternative<MacFailure>(subscriber.answer(autn)));
}

TEST_CASE("Another serving network gets another RES* and another KAUSF", "[aka][step-9]") {
  Subscriber subscriber;
  const auto av = subscriber.vector(1, 0);
  subscriber.network = "5G:mnc002.mcc001.3gppnetwork.org";
  const auto answer = subscriber.answer(av.autn);
  REQUIRE(std::holds_alternative<Authenticated>(answer));
  CHECK_FALSE(std::get<Authenticated>(answer).res_star == av.xres_star);
  CHECK_FALSE(std::get<Authenticated>(answer).kausf == av.kausf);
}

TEST_CASE("A home side that fell behind resynchronises by the USIM's AUTS and is accepted", "[aka][step-9]") {
  Subscriber subscriber;
  REQUIRE(subscriber.usim.accept(SequenceNumber::from_seq_and_ind(1000, 3)));
  const auto behind = SequenceNumber::from_seq_and_ind(5, 3);
  const auto answer = subscriber.answer(subscriber.vector(behind.seq(), behind.ind()).autn);
  REQUIRE(std::holds_alternative<SynchronisationFailure>(answer));
  const auto sqn_ms = aka::open_auts(subscriber.keys, subscriber.rand, std::get<SynchronisationFailure>(answer).auts);
  REQUIRE(sqn_ms);
  CHECK(*sqn_ms == SequenceNumber::from_seq_and_ind(1000, 3));
  const auto resumed = aka::next(aka::resynchronised(behind, *sqn_ms), 3);
  CHECK(std::holds_alternative<Authenticated>(subscriber.answer(subscriber.vector(resumed.seq(), 3).autn)));
}

TEST_CASE("A USIM answers a jump of SQN with a synchronisation failure", "[aka][step-9]") {
  Subscriber subscriber;
  const auto jump = subscriber.vector(aka::kMaxSeqStep + 1, 0);
  CHECK(std::holds_alternative<SynchronisationFailure>(subscriber.answer(jump.autn)));
  const auto step = subscriber.vector(aka::kMaxSeqStep, 0);
  CHECK(std::holds_alternative<Authenticated>(subscriber.answer(step.autn)));
}

TEST_CASE("The separation bit is bit 0 of the AMF", "[aka]") {
  CHECK(aka::has_separation_bit(test::octets<16>("00000000000080000000000000000000")));
  CHECK_FALSE(aka::has_separation_bit(test::octets<16>("ffffffffffff7fffffffffffffffffff")));
}

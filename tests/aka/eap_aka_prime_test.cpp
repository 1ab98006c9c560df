#include "lib/aka/eap_aka_prime.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/eap_aka_prime_server.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/shared_vectors.hpp"

using aka::AkaPrimeMessage;
using aka::AkaSubtype;
using aka::EapAkaPrimePeer;
using aka::EapAkaPrimeServer;
using aka::EapCode;
using aka::EapDiscarded;
using aka::EapError;
using aka::EapFailed;
using aka::EapOngoing;
using aka::EapOutcome;
using aka::EapResynchronise;
using aka::EapSucceeded;
using aka::SequenceNumber;
using nlohmann::json;
using test::bytes;
using test::key;

namespace {

std::string text(const json& object, const char* member) { return object.at(member).get<std::string>(); }

/// CK' and IK' of a case of RFC 9048, appendix D, from its CK and IK.
aka::PrimeKeys prime_keys(const json& known) {
  return aka::derive_prime_keys(key<aka::Ck>(text(known, "ck")), key<aka::Ik>(text(known, "ik")),
                                text(known, "network"), aka::sqn_xor_ak(test::octets<16>(text(known, "autn"))));
}

aka::TransformedVector vector_of(const json& known) {
  return {test::octets<16>(text(known, "rand")), test::octets<16>(text(known, "autn")),
          base::SecretBytes(bytes(text(known, "res"))), prime_keys(known)};
}

constexpr const char* kNetwork = "5G:mnc001.mcc001.3gppnetwork.org";
constexpr const char* kIdentity = "001010000000001";
constexpr std::uint8_t kIdentifier = 0xFE;  // so that the next one but one goes round to 0

/// Both ends of one authentication. The keys are secondAttach of case P-256 in vectors/first-attach-v1.json.
struct Ends {
  aka::SubscriberKeys home{key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4202"),
                           key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092c")};
  aka::SubscriberKeys usim{key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4202"),
                           key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092c")};
  aka::Rand rand = test::octets<16>("4f4ffd258ecb6b92f480f22499137a67");
  aka::Amf amf = aka::kSeparatedAmf;
  aka::UsimSequence sequence;
  EapAkaPrimeServer::Options options;
  std::string heard_network = kNetwork;  // what the UE makes of the network that it hears
  bool ue_wants_indications = true;

  [[nodiscard]] aka::TransformedVector vector(std::uint64_t seq) const {
    return aka::make_transformed_vector(home, rand, SequenceNumber::from_seq_and_ind(seq, 0), amf, kNetwork);
  }
  [[nodiscard]] EapAkaPrimeServer server(std::uint64_t seq = 1) const {
    return EapAkaPrimeServer(kIdentity, kNetwork, vector(seq), kIdentifier, options);
  }
  [[nodiscard]] EapAkaPrimePeer peer() const { return EapAkaPrimePeer(kIdentity, heard_network, ue_wants_indications); }
  base::Bytes answer(EapAkaPrimePeer& ue, const base::Bytes& request) {
    return ue.respond(request, usim, sequence).value();
  }
  /// K_aut of the vector with SEQ 1.
  [[nodiscard]] aka::EapAuthenticationKey k_aut() const {
    return std::move(aka::derive_eap_keys(vector(1).keys, kIdentity).k_aut);
  }
};

template <class Wanted>
Wanted take(EapOutcome outcome) {
  INFO("outcome " << outcome.index());
  if (const auto* failed = std::get_if<EapFailed>(&outcome)) UNSCOPED_INFO(failed->why);
  if (const auto* discarded = std::get_if<EapDiscarded>(&outcome)) UNSCOPED_INFO(discarded->why);
  REQUIRE(std::holds_alternative<Wanted>(outcome));
  return std::get<Wanted>(std::move(outcome));
}

AkaPrimeMessage response(std::uint8_t identifier, AkaSubtype subtype) {
  AkaPrimeMessage message;
  message.code = EapCode::response;
  message.identifier = identifier;
  message.subtype = subtype;
  return message;
}

/// The UE takes the end that the network sends, and is then in `state`.
void finish(Ends& ends, EapAkaPrimePeer& ue, const base::Bytes& packet, EapAkaPrimePeer::State state) {
  CHECK_FALSE(ue.respond(packet, ends.usim, ends.sequence));
  CHECK(ue.state() == state);
}

}  // namespace

TEST_CASE("EAP-AKA' derives the keys of RFC 9048, appendix D, and authenticates by them", "[aka][eap]") {
  if (!test::have_shared_vectors()) return;
  const json& cases = test::load_shared_json("eap/eap_aka_prime.json").at("rfc5448_cases");
  REQUIRE(cases.size() == 3);
  for (const auto& known : cases) {
    INFO("case " << known.at("case"));
    const auto prime = prime_keys(known);
    CHECK(test::hex_of(prime.ck) == text(known, "ck_prime"));
    CHECK(test::hex_of(prime.ik) == text(known, "ik_prime"));
    const auto keys = aka::derive_eap_keys(prime, text(known, "identity"));
    CHECK(test::hex_of(keys.k_encr) == text(known, "k_encr"));
    CHECK(test::hex_of(keys.k_aut) == text(known, "k_aut"));
    CHECK(test::hex_of(keys.k_re) == text(known, "k_re"));
    CHECK(test::hex_of(keys.msk) == text(known, "msk"));
    CHECK(test::hex_of(keys.emsk) == text(known, "emsk"));
    CHECK(test::hex_of(aka::derive_kausf(keys.emsk)) == text(known, "emsk").substr(0, 64));

    EapAkaPrimeServer server(text(known, "identity"), text(known, "network"), vector_of(known), 9);
    auto answer = response(9, AkaSubtype::challenge);
    answer.res.emplace(bytes(text(known, "res")));
    const auto success = take<EapSucceeded>(server.on_response(aka::encode_authenticated(answer, keys.k_aut)));
    CHECK(success.packet == bytes("03090004"));
    CHECK(test::hex_of(success.kausf) == text(known, "emsk").substr(0, 64));
  }
}

TEST_CASE("EAP-AKA' writes and takes whole packets that another implementation made", "[aka][eap]") {
  if (!test::have_shared_vectors()) return;
  const json& file = test::load_shared_json("eap/eap_aka_prime.json");
  const json& first_case = file.at("rfc5448_cases").at(0);
  REQUIRE(file.at("packets").size() == 1);
  const json& known = file.at("packets").at(0);
  const auto k_aut = key<aka::EapAuthenticationKey>(text(known, "k_aut"));
  for (const char* member : {"challenge_request", "challenge_response"}) {
    auto packet = bytes(text(known, member));
    CHECK(aka::has_valid_mac(packet, aka::parse_aka_prime(packet), k_aut));
    CHECK(aka::encode_authenticated(aka::parse_aka_prime(packet), k_aut) == packet);
    packet.back() ^= 1;
    CHECK_FALSE(aka::has_valid_mac(packet, aka::parse_aka_prime(packet), k_aut));
  }

  const auto request = bytes(text(known, "challenge_request"));
  EapAkaPrimeServer server(text(known, "identity"), text(known, "network"), vector_of(first_case), request.at(1));
  CHECK(base::to_hex(server.request()) == text(known, "challenge_request"));
  const auto success = take<EapSucceeded>(server.on_response(bytes(text(known, "challenge_response"))));
  CHECK(success.packet == bytes("03ce0004"));
  CHECK(test::hex_of(success.kausf) == text(first_case, "emsk").substr(0, 64));
}

TEST_CASE("The identity in the keys is the digits of the IMSI", "[aka][eap]") {
  CHECK(aka::key_identity(profile::Imsi::from_digits("001010000000001").value()) == "001010000000001");
}

TEST_CASE("UE and network authenticate one another and have one KAUSF", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  const auto challenge = aka::parse_aka_prime(server.request());
  CHECK(challenge.code == EapCode::request);
  CHECK(challenge.identifier == kIdentifier);
  CHECK(challenge.network_name == kNetwork);
  CHECK(challenge.key_derivations == std::vector<std::uint16_t>{1});
  CHECK_FALSE(challenge.has_result_indication);

  const auto answer = ends.answer(ue, server.request());
  CHECK(ends.answer(ue, server.request()) == answer);  // a request that is sent again
  CHECK(ue.state() == EapAkaPrimePeer::State::ongoing);
  CHECK_THROWS_AS(ue.take_kausf(), std::logic_error);
  const auto success = take<EapSucceeded>(server.on_response(answer));
  CHECK(server.has_ended());
  CHECK(success.packet == bytes("03fe0004"));
  finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
  CHECK(ue.take_kausf() == success.kausf);
  CHECK_THROWS_AS(ue.take_kausf(), std::logic_error);
  CHECK(ue.why().empty());

  CHECK(std::holds_alternative<EapDiscarded>(server.on_response(answer)));
  CHECK_THROWS_AS(ue.respond(success.packet, ends.usim, ends.sequence), EapError);
}

TEST_CASE("With result indications a success is notified before it is one", "[aka][eap]") {
  Ends ends;
  ends.options.has_result_indications = true;
  auto server = ends.server();
  auto ue = ends.peer();
  CHECK(aka::parse_aka_prime(server.request()).has_result_indication);
  const auto answer = ends.answer(ue, server.request());
  CHECK(aka::parse_aka_prime(answer).has_result_indication);
  const auto notified = take<EapOngoing>(server.on_response(answer));
  CHECK(notified.packet == server.request());
  const auto notification = aka::parse_aka_prime(notified.packet);
  CHECK(notification.subtype == AkaSubtype::notification);
  CHECK(notification.identifier == 0xFF);
  CHECK(notification.notification == 32768);
  CHECK(notification.mac_offset);

  SECTION("and the UE believes it") {
    const auto success = take<EapSucceeded>(server.on_response(ends.answer(ue, notified.packet)));
    finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
    CHECK(ue.take_kausf() == success.kausf);
  }
  SECTION("and an EAP-Success without it is not believed") {
    finish(ends, ue, aka::eap_success(kIdentifier), EapAkaPrimePeer::State::failed);
    CHECK_THROWS_AS(ue.take_kausf(), std::logic_error);
  }
  SECTION("and a notification with a wrong AT_MAC is not answered, nor a success after it believed") {
    auto forged = notified.packet;
    forged.back() ^= 1;
    CHECK(aka::parse_aka_prime(ends.answer(ue, forged)).subtype == AkaSubtype::client_error);
    finish(ends, ue, aka::eap_success(0xFF), EapAkaPrimePeer::State::failed);
  }
  SECTION("and a response to it with any octet changed is no success") {
    const auto right = ends.answer(ue, notified.packet);
    for (std::size_t at = 0; at < right.size(); ++at) {
      INFO("octet " << at);
      auto again = ends.server();
      static_cast<void>(take<EapOngoing>(again.on_response(answer)));
      auto wrong = right;
      wrong[at] ^= 0x01;
      CHECK_FALSE(std::holds_alternative<EapSucceeded>(again.on_response(wrong)));
    }
  }
  SECTION("and a failure after the authentication is notified with code 0 and AT_MAC") {
    auto wrong = ends.answer(ue, notified.packet);
    wrong.back() ^= 1;
    const auto failing = take<EapOngoing>(server.on_response(wrong));
    const auto failure = aka::parse_aka_prime(failing.packet);
    CHECK(failure.notification == 0);
    CHECK(failure.identifier == 0);
    CHECK(aka::has_valid_mac(failing.packet, failure, ends.k_aut()));
    const auto failed = take<EapFailed>(server.on_response(ends.answer(ue, failing.packet)));
    CHECK(failed.why == "AT_MAC of the notification's response is wrong");
    finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
  }
}

TEST_CASE("A UE that wants no result indication gets none", "[aka][eap]") {
  Ends ends;
  ends.options.has_result_indications = true;
  ends.ue_wants_indications = false;
  auto server = ends.server();
  auto ue = ends.peer();
  const auto success = take<EapSucceeded>(server.on_response(ends.answer(ue, server.request())));
  finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
}

TEST_CASE("A network that is out of step resynchronises, and the UE then authenticates", "[aka][eap]") {
  Ends ends;
  REQUIRE(ends.sequence.accept(SequenceNumber::from_seq_and_ind(1000, 0)));
  auto server = ends.server(5);
  auto ue = ends.peer();
  const auto out_of_step = ends.answer(ue, server.request());
  CHECK(ue.was_out_of_step());
  CHECK(aka::parse_aka_prime(out_of_step).key_derivations == std::vector<std::uint16_t>{1});
  CHECK_THROWS_AS(server.restart(ends.vector(1001)), std::logic_error);
  const auto wanted = take<EapResynchronise>(server.on_response(out_of_step));
  CHECK(wanted.rand == ends.rand);
  const auto sqn = aka::open_auts(ends.home, wanted.rand, wanted.auts);
  REQUIRE(sqn);
  CHECK(sqn->seq() == 1000);

  SECTION("with another vector and the next identifier") {
    CHECK(std::holds_alternative<EapDiscarded>(server.on_response(out_of_step)));
    ends.rand[0] ^= 1;
    const auto again = server.restart(ends.vector(1001));
    CHECK(aka::parse_aka_prime(again.packet).identifier == 0xFF);
    CHECK(aka::parse_aka_prime(again.packet).rand == ends.rand);
    const auto success = take<EapSucceeded>(server.on_response(ends.answer(ue, again.packet)));
    finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
    CHECK(ue.take_kausf() == success.kausf);
  }
  SECTION("twice, and no more") {
    static_cast<void>(server.restart(ends.vector(6)));
    static_cast<void>(take<EapResynchronise>(server.on_response(ends.answer(ue, server.request()))));
    static_cast<void>(server.restart(ends.vector(7)));
    const auto failed = take<EapFailed>(server.on_response(ends.answer(ue, server.request())));
    finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
  }
  SECTION("unless the home side does not believe the AUTS") {
    const auto failed = server.abandon("AUTS is wrong");
    CHECK(failed.why == "AUTS is wrong");
    CHECK(failed.packet == bytes("04fe0004"));
    CHECK(server.has_ended());
    finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
  }
}

TEST_CASE("A synchronisation failure says AUTS, and copies AT_KDF if at all", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto message = response(kIdentifier, AkaSubtype::synchronization_failure);
  message.auts = test::octets<14>("00112233445566778899aabbccdd");
  SECTION("without AT_KDF") { static_cast<void>(take<EapResynchronise>(server.on_response(aka::encode(message)))); }
  SECTION("with another AT_KDF") {
    message.key_derivations = {2};
    static_cast<void>(take<EapFailed>(server.on_response(aka::encode(message))));
  }
  SECTION("without AUTS") {
    message.auts.reset();
    static_cast<void>(take<EapFailed>(server.on_response(aka::encode(message))));
  }
}

TEST_CASE("A wrong RES fails though its AT_MAC is right", "[aka][eap]") {
  Ends ends;
  auto ue = ends.peer();
  auto server = ends.server();
  auto answer = aka::parse_aka_prime(ends.answer(ue, server.request()));
  const base::Bytes right(answer.res->reveal().begin(), answer.res->reveal().end());
  base::Bytes wrong = right;
  SECTION("the first octet") { wrong.front() ^= 0x80; }
  SECTION("the last octet") { wrong.back() ^= 1; }
  SECTION("one octet less") { wrong.pop_back(); }
  SECTION("one octet more") { wrong.push_back(0); }
  answer.res.emplace(wrong);
  const auto failed = take<EapFailed>(server.on_response(aka::encode_authenticated(answer, ends.k_aut())));
  CHECK(failed.why == "RES is not XRES");
  CHECK(failed.packet == bytes("04fe0004"));
  CHECK(server.has_ended());
  // No second try.
  answer.res.emplace(right);
  CHECK(std::holds_alternative<EapDiscarded>(server.on_response(aka::encode_authenticated(answer, ends.k_aut()))));
  finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
}

TEST_CASE("A response without RES, or without AT_MAC, fails", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  auto answer = aka::parse_aka_prime(ends.answer(ue, server.request()));
  SECTION("without AT_MAC") {
    CHECK(take<EapFailed>(server.on_response(aka::encode(answer))).why == "AT_MAC of the response is wrong");
  }
  SECTION("without RES") {
    answer.res.reset();
    const auto packet = aka::encode_authenticated(answer, ends.k_aut());
    CHECK(take<EapFailed>(server.on_response(packet)).why == "RES is not XRES");
  }
  SECTION("without any attribute") {
    CHECK(take<EapFailed>(server.on_response(aka::encode(response(kIdentifier, AkaSubtype::challenge)))).why ==
          "AT_MAC of the response is wrong");
  }
}

TEST_CASE("With result indications a failure is notified before EAP-Failure", "[aka][eap]") {
  Ends ends;
  ends.options.has_result_indications = true;
  auto server = ends.server();
  auto ue = ends.peer();
  auto answer = ends.answer(ue, server.request());
  answer.back() ^= 1;
  const auto notified = take<EapOngoing>(server.on_response(answer));
  const auto notification = aka::parse_aka_prime(notified.packet);
  CHECK(notification.notification == 16384);
  CHECK_FALSE(notification.mac_offset);
  const auto told = ends.answer(ue, notified.packet);
  CHECK(aka::parse_aka_prime(told).subtype == AkaSubtype::notification);
  auto other = told;
  other[1] ^= 1;
  CHECK(std::holds_alternative<EapDiscarded>(server.on_response(other)));
  const auto failed = take<EapFailed>(server.on_response(told));
  CHECK(failed.why == "AT_MAC of the response is wrong");
  finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
}

TEST_CASE("A response with any octet changed in any way is no success", "[aka][eap]") {
  Ends ends;
  auto first = ends.server();
  auto ue = ends.peer();
  const auto right = ends.answer(ue, first.request());
  for (std::size_t at = 0; at < right.size(); ++at) {
    for (unsigned change = 1; change <= 255; ++change) {
      auto server = ends.server();
      auto wrong = right;
      wrong[at] ^= static_cast<std::uint8_t>(change);
      if (!std::holds_alternative<EapSucceeded>(server.on_response(wrong))) continue;
      FAIL_CHECK("octet " << at << " changed by " << change << " succeeds");
    }
  }
  CHECK(std::holds_alternative<EapSucceeded>(first.on_response(right)));
}

TEST_CASE("A challenge with any octet changed in any way gets no RES out of the UE", "[aka][eap]") {
  Ends ends;
  const auto server = ends.server();
  const auto& right = server.request();
  for (std::size_t at = 0; at < right.size(); ++at) {
    for (unsigned change = 1; change <= 255; ++change) {
      auto wrong = right;
      wrong[at] ^= static_cast<std::uint8_t>(change);
      auto ue = ends.peer();
      aka::UsimSequence sequence;
      try {
        const auto answer = ue.respond(wrong, ends.usim, sequence).value();
        if (aka::parse_eap_header(answer).type != aka::kEapAkaPrime) continue;  // Nak, or a notification's
        if (!aka::parse_aka_prime(answer).res) continue;
        FAIL_CHECK("octet " << at << " changed by " << change << " is answered");
      } catch (const EapError&) {
      }
    }
  }
  auto ue = ends.peer();
  CHECK(aka::parse_aka_prime(ends.answer(ue, right)).res);
}

TEST_CASE("The UE rejects a network that is not its home's, or not the one that it hears", "[aka][eap]") {
  Ends ends;
  SECTION("another K") { ends.usim.k = key<aka::SubscriberKey>("12d9affaba09336bae825f338aed4203"); }
  SECTION("another OPc") { ends.usim.opc = key<aka::OperatorVariant>("adab8ce3b7a762ebc8f9228df856092d"); }
  SECTION("another serving network") { ends.heard_network = "5G:mnc002.mcc001.3gppnetwork.org"; }
  SECTION("a serving network's name that is longer") { ends.heard_network += ":000007ed9d5"; }
  SECTION("no AMF separation bit") { ends.amf = {0x7F, 0xFF}; }
  auto server = ends.server();
  auto ue = ends.peer();
  const auto answer = ends.answer(ue, server.request());
  CHECK(answer == bytes("02fe000832020000"));  // AKA'-Authentication-Reject
  CHECK_FALSE(ue.why().empty());
  CHECK(ends.sequence.highest() == SequenceNumber());
  const auto failed = take<EapFailed>(server.on_response(answer));
  finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
  CHECK(ue.why() != "EAP-Failure");
}

TEST_CASE("The UE answers a challenge that it cannot process with a client error", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  auto message = aka::parse_aka_prime(server.request());
  SECTION("without RAND") { message.rand.reset(); }
  SECTION("without AUTN") { message.autn.reset(); }
  SECTION("without the network's name") { message.network_name.reset(); }
  SECTION("with an empty name") { message.network_name = ""; }
  SECTION("without AT_KDF") { message.key_derivations.clear(); }
  SECTION("an identity request") { message.subtype = AkaSubtype::identity, message.is_identity_requested = true; }
  SECTION("a re-authentication") { message.subtype = AkaSubtype::reauthentication; }
  SECTION("a success that nothing led to") {
    message.subtype = AkaSubtype::notification;
    message.notification = aka::kNotifiedSuccess;
  }
  SECTION("a notification of nothing") { message.subtype = AkaSubtype::notification; }
  auto request = aka::encode_authenticated(message, ends.k_aut());
  SECTION("a wrong AT_MAC") { request.back() ^= 1; }
  SECTION("an attribute that must not be skipped") { request[request.size() - 20] = 0x7E; }
  SECTION("without AT_MAC") { request = aka::encode(message); }
  REQUIRE_FALSE(request == server.request());
  const auto answer = ends.answer(ue, request);
  CHECK(answer == bytes("02fe000c320e0000"
                        "16010000"));
  const auto failed = take<EapFailed>(server.on_response(answer));
  CHECK(failed.why == "the UE could not process the request");
  finish(ends, ue, failed.packet, EapAkaPrimePeer::State::failed);
}

TEST_CASE("The UE wants EAP-AKA', and answers nothing that is not asked of it", "[aka][eap]") {
  Ends ends;
  auto ue = ends.peer();
  CHECK(ends.answer(ue, bytes("0105000a0d2000000000")) == bytes("020500060332"));  // EAP-TLS: Nak
  CHECK(ends.answer(ue, bytes("010600080268690a")) == bytes("0206000502"));        // Notification
  CHECK_THROWS_AS(ends.answer(ue, bytes("0107000501")), EapError);                 // Identity
  CHECK_THROWS_AS(ends.answer(ue, bytes("0207000832010000")), EapError);           // a response
  CHECK_THROWS_AS(ends.answer(ue, bytes("01")), EapError);
  CHECK_THROWS_AS(ue.respond(aka::eap_success(9), ends.usim, ends.sequence), EapError);  // another identifier
  CHECK(ue.state() == EapAkaPrimePeer::State::ongoing);
  finish(ends, ue, aka::eap_success(6), EapAkaPrimePeer::State::failed);
  CHECK_THROWS_AS(ue.take_kausf(), std::logic_error);
}

TEST_CASE("A UE may choose a key derivation function that is not the first", "[aka][eap]") {
  Ends ends;
  ends.options.key_derivations = {7, 1, 8};
  auto server = ends.server();
  auto ue = ends.peer();
  const auto choice = ends.answer(ue, server.request());
  CHECK(choice == bytes("02fe000c32010000"
                        "18010001"));
  CHECK(ends.sequence.highest() == SequenceNumber());

  SECTION("and gets the same challenge again, with it in front") {
    const auto again = take<EapOngoing>(server.on_response(choice));
    const auto message = aka::parse_aka_prime(again.packet);
    CHECK(message.identifier == 0xFF);
    CHECK(message.key_derivations == std::vector<std::uint16_t>{1, 7, 1, 8});
    CHECK(message.rand == ends.rand);
    SECTION("which succeeds") {
      const auto success = take<EapSucceeded>(server.on_response(ends.answer(ue, again.packet)));
      finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
      CHECK(ue.take_kausf() == success.kausf);
    }
    SECTION("but not twice") {
      auto second = response(0xFF, AkaSubtype::challenge);
      second.key_derivations = {1};
      static_cast<void>(take<EapFailed>(server.on_response(aka::encode(second))));
    }
  }
  SECTION("and refuses another list than that") {
    auto message = aka::parse_aka_prime(server.request());
    message.identifier = 0xFF;
    message.key_derivations = {1, 1, 8};
    const auto answer = ends.answer(ue, aka::encode_authenticated(message, ends.k_aut()));
    CHECK(aka::parse_aka_prime(answer).subtype == AkaSubtype::client_error);
  }
  SECTION("and refuses a list with one twice") {
    auto other = ends.peer();
    auto message = aka::parse_aka_prime(server.request());
    message.key_derivations = {7, 1, 7};
    const auto answer = ends.answer(other, aka::encode_authenticated(message, ends.k_aut()));
    CHECK(aka::parse_aka_prime(answer).subtype == AkaSubtype::authentication_reject);
  }
}

TEST_CASE("The UE rejects a challenge without a key derivation function of its own", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  auto message = aka::parse_aka_prime(server.request());
  message.key_derivations = {2, 3};
  const auto answer = ends.answer(ue, aka::encode_authenticated(message, ends.k_aut()));
  CHECK(answer == bytes("02fe000832020000"));
  static_cast<void>(take<EapFailed>(server.on_response(answer)));
}

TEST_CASE("A choice of a key derivation function that was not offered fails", "[aka][eap]") {
  Ends ends;
  auto choice = response(kIdentifier, AkaSubtype::challenge);
  SECTION("none but 1 was offered") { choice.key_derivations = {2}; }
  SECTION("the first one") { choice.key_derivations = {1}; }
  SECTION("one that there is not") {
    ends.options.key_derivations = {1, 2};
    choice.key_derivations = {2};
  }
  SECTION("several") {
    ends.options.key_derivations = {2, 1};
    choice.key_derivations = {1, 2};
  }
  auto server = ends.server();
  static_cast<void>(take<EapFailed>(server.on_response(aka::encode(choice))));
}

TEST_CASE("AT_KDF beside RES must be the one in use", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  auto answer = aka::parse_aka_prime(ends.answer(ue, server.request()));
  answer.key_derivations = {GENERATE(std::uint16_t{1}, std::uint16_t{2})};
  const auto outcome = server.on_response(aka::encode_authenticated(answer, ends.k_aut()));
  CHECK(std::holds_alternative<EapSucceeded>(outcome) == (answer.key_derivations.front() == 1));
}

TEST_CASE("A Nak, and a response that was not asked for, end the authentication", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  SECTION("Nak") {
    CHECK(take<EapFailed>(server.on_response(bytes("02fe0006030d"))).why == "the UE does not want EAP-AKA'");
  }
  SECTION("AKA'-Identity") {
    auto message = response(kIdentifier, AkaSubtype::identity);
    message.identity = "0001010000000001@nai.5gc.mnc001.mcc001.3gppnetwork.org";
    static_cast<void>(take<EapFailed>(server.on_response(aka::encode(message))));
  }
  SECTION("AKA'-Notification") {
    const auto message = response(kIdentifier, AkaSubtype::notification);
    static_cast<void>(take<EapFailed>(server.on_response(aka::encode_authenticated(message, ends.k_aut()))));
  }
  SECTION("AKA'-Reauthentication") {
    const auto message = response(kIdentifier, AkaSubtype::reauthentication);
    static_cast<void>(take<EapFailed>(server.on_response(aka::encode_authenticated(message, ends.k_aut()))));
  }
  CHECK(server.has_ended());
}

TEST_CASE("What is no answer to the request is discarded, and the challenge stands", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  const auto right = ends.answer(ue, server.request());
  const std::string hex = GENERATE(values<std::string>({
      "", "02", "02fe0004", "02fe000532", "03fe0004", "03fe000500",  // 4 and 5 octets
      "02ff000832010000",                                            // another identifier
      "01fe000832010000",                                            // a request
      "02fe000817010000", "02fe000501",                              // EAP-AKA, Identity
      "02fe000832630000",                                            // no subtype
      "02fe00093201000018",                                          // an odd tail
      "02fe000c3201000000010000",                                    // not to be skipped
  }));
  INFO(hex);
  CHECK_FALSE(take<EapDiscarded>(server.on_response(bytes(hex))).why.empty());
  CHECK_FALSE(server.has_ended());
  CHECK(std::holds_alternative<EapSucceeded>(server.on_response(right)));
}

TEST_CASE("An authentication takes 16 responses and no more", "[aka][eap]") {
  Ends ends;
  auto server = ends.server();
  auto ue = ends.peer();
  const auto right = ends.answer(ue, server.request());
  for (int i = 1; i < EapAkaPrimeServer::kMaxResponses; ++i)
    static_cast<void>(take<EapDiscarded>(server.on_response({})));
  SECTION("the 16th may be the right one") { static_cast<void>(take<EapSucceeded>(server.on_response(right))); }
  SECTION("the 17th is too late") {
    static_cast<void>(take<EapDiscarded>(server.on_response({})));
    static_cast<void>(take<EapFailed>(server.on_response(right)));
    CHECK(server.has_ended());
  }
}

TEST_CASE("A server is not made without what it needs", "[aka][eap]") {
  Ends ends;
  const auto make = [&](const std::string& network, aka::TransformedVector vector, std::vector<std::uint16_t> offered) {
    EapAkaPrimeServer::Options options;
    options.key_derivations = std::move(offered);
    EapAkaPrimeServer(kIdentity, network, std::move(vector), 0, options);
  };
  CHECK_NOTHROW(make(kNetwork, ends.vector(1), {1}));
  CHECK_THROWS_AS(make("", ends.vector(1), {1}), std::invalid_argument);
  CHECK_THROWS_AS(make(std::string(2000, 'x'), ends.vector(1), {1}), EapError);
  CHECK_THROWS_AS(make(kNetwork, ends.vector(1), {}), std::invalid_argument);
  CHECK_THROWS_AS(make(kNetwork, ends.vector(1), {2}), std::invalid_argument);
  CHECK_THROWS_AS(make(kNetwork, ends.vector(1), {1, 1}), std::invalid_argument);
  for (const std::size_t size : std::vector<std::size_t>{0, 3, 4, 16, 17}) {
    INFO(size);
    auto vector = ends.vector(1);
    vector.xres = base::SecretBytes(size);
    if (size >= 4 && size <= 16) {
      CHECK_NOTHROW(make(kNetwork, std::move(vector), {1}));
    } else {
      CHECK_THROWS_AS(make(kNetwork, std::move(vector), {1}), std::invalid_argument);
    }
  }
}

TEST_CASE("Random octets and truncations neither crash an end nor make it succeed", "[aka][eap]") {
  Ends ends;
  auto first = ends.server();
  auto ue_of_first = ends.peer();
  const base::Bytes request = first.request();
  const base::Bytes answer = ends.answer(ue_of_first, request);
  const auto meet = [&](const base::Bytes& octets) {
    auto server = ends.server();
    CHECK_FALSE(std::holds_alternative<EapSucceeded>(server.on_response(octets)));
    auto ue = ends.peer();
    aka::UsimSequence sequence;
    try {
      static_cast<void>(ue.respond(octets, ends.usim, sequence));
    } catch (const EapError&) {
    }
    CHECK_FALSE(ue.state() == EapAkaPrimePeer::State::succeeded);
  };
  for (const base::Bytes& whole : {request, answer}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      base::Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      meet(cut);
      if (size >= 4) cut[3] = static_cast<std::uint8_t>(size);
      meet(cut);
    }
  }
  std::mt19937 random(9048);
  for (int i = 0; i < 30000; ++i) {
    base::Bytes octets = i % 3 == 0 ? base::Bytes(random() % 64) : i % 3 == 1 ? request : answer;
    const std::size_t changes = i % 3 == 0 ? octets.size() : 1 + random() % 4;
    for (std::size_t n = 0; n < changes; ++n) {
      const std::size_t at = i % 3 == 0 ? n : random() % octets.size();
      octets[at] = static_cast<std::uint8_t>(random());
    }
    if (octets == answer) continue;
    meet(octets);
  }
}

// EAP-AKA' as it should go: keys, success, result indications, resynchronisation, key derivation functions.
#include <nlohmann/json.hpp>

#include "tests/aka/eap_aka_prime_ends.hpp"
#include "tests/support/shared_vectors.hpp"

using namespace test;
using nlohmann::json;

namespace {

/// CK' and IK' of a case of RFC 9048, appendix D, from its CK and IK.
aka::PrimeKeys prime_keys(const json& known) {
  return aka::derive_prime_keys(key<aka::Ck>(text(known, "ck")), key<aka::Ik>(text(known, "ik")),
                                text(known, "network"), aka::sqn_xor_ak(test::octets<16>(text(known, "autn"))));
}

aka::TransformedVector vector_of(const json& known) {
  return {test::octets<16>(text(known, "rand")), test::octets<16>(text(known, "autn")),
          base::SecretBytes(bytes(text(known, "res"))), prime_keys(known)};
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
  SECTION("when the same response comes again, for there was no vector to be had the first time, however often") {
    for (int i = 0; i < aka::EapAkaPrimeServer::kMaxResponses + 1; ++i) {
      server.wait_again();
      CHECK_THROWS_AS(server.wait_again(), std::logic_error);
      static_cast<void>(take<EapResynchronise>(server.on_response(out_of_step)));
    }
    const auto again = server.restart(ends.vector(1001));
    const auto success = take<EapSucceeded>(server.on_response(ends.answer(ue, again.packet)));
    finish(ends, ue, success.packet, EapAkaPrimePeer::State::succeeded);
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

// EAP-AKA' as it should not go: wrong, missing and changed attributes, packets that nobody asked for, and octets at random.
#include <random>

#include "tests/aka/eap_aka_prime_ends.hpp"

using namespace test;

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

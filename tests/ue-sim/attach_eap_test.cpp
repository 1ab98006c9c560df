// The second attach by EAP-AKA', against an AUSF of the test's own on a real socket (TS 29.509, eap-session).
#include "ue-sim/attach_eap.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/aka/eap_aka_prime_server.hpp"
#include "lib/aka/supi_or_suci.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/patient_limits.hpp"
#include "tests/support/serving_network.hpp"

using aka::EapAkaPrimeServer;
using aka::SequenceNumber;
using nlohmann::json;

namespace {

/// A device that took its IMSI.
ue_sim::Device make_device_with_imsi() {
  return ue_sim::Device{profile::DiscoveryImsi::from_digits("901700000000001").value(),
                        {},
                        {},
                        test::key<profile::EphemeralKey>("000102030405060708090a0b0c0d0e0f"),
                        ue_sim::Subscription{profile::Imsi::from_digits("001010000000001").value(), 2, {}}};
}

/// An AUSF for one UE: its EAP server, and what it does wrong.
struct Ausf {
  Ausf() {
    router.add("POST", "/nausf-auth/v1/ue-authentications", sbi::BodyKind::json,
               sbi::PlainHandler([this](const sbi::Request& request) { return open(request); }));
    router.add("POST", "/nausf-auth/v1/ue-authentications/1/eap-session", sbi::BodyKind::json,
               sbi::PlainHandler([this](const sbi::Request& request) { return answer(request); }));
    loop.run([this] {
      server = std::make_unique<sbi::Http2Server>(loop.io(), router, test::patient_limits());
      port = server->listen("127.0.0.1", 0, nullptr);
    });
  }
  ~Ausf() {
    loop.run([this] { server.reset(); });
  }
  Ausf(const Ausf&) = delete;
  Ausf& operator=(const Ausf&) = delete;

  [[nodiscard]] aka::TransformedVector vector() {
    const ue_sim::Device device = make_device_with_imsi();
    const auto keys = profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, device.subscription->imsi);
    const aka::Rand rand = test::octets<16>("4f4ffd258ecb6b92f480f22499137a67");
    return aka::make_transformed_vector(keys, rand, SequenceNumber::from_seq_and_ind(seq++, 0), aka::kSeparatedAmf,
                                        vector_network);
  }

  sbi::Response open(const sbi::Request& request) {
    EapAkaPrimeServer::Options options;
    options.has_result_indications = has_result_indications;
    eap.emplace("001010000000001", vector_network, vector(), 7, options);
    root = request.api_root();
    json body{{"authType", auth_type}, {"5gAuthData", base::to_base64(eap->request())}, {"_links", links()}};
    return {201, sbi::kHalJson, body.dump()};
  }

  sbi::Response answer(const sbi::Request& request) {
    ++exchanges;
    const auto payload = base::from_base64(json::parse(request.body).at("eapPayload").get<std::string>()).value();
    auto outcome = eap->on_response(payload);
    if (std::holds_alternative<aka::EapResynchronise>(outcome)) {
      seq = 1001;
      outcome = eap->restart(vector());
    }
    if (const auto* ongoing = std::get_if<aka::EapOngoing>(&outcome)) {
      return {200, sbi::kHalJson, json{{"eapPayload", base::to_base64(ongoing->packet)}, {"_links", links()}}.dump()};
    }
    if (const auto* failed = std::get_if<aka::EapFailed>(&outcome)) {
      return {200, sbi::kJson,
              json{{"eapPayload", base::to_base64(failed->packet)}, {"authResult", "AUTHENTICATION_FAILURE"}}.dump()};
    }
    if (std::holds_alternative<aka::EapDiscarded>(outcome)) return sbi::Response(400);
    const auto& success = std::get<aka::EapSucceeded>(outcome);
    return {200, sbi::kJson,
            json{{"eapPayload", base::to_base64(last_packet.value_or(success.packet))},
                 {"authResult", result},
                 {"kSeaf", base::to_hex(aka::derive_kseaf(success.kausf, kseaf_network).reveal())},
                 {"supi", supi}}
                .dump()};
  }

  [[nodiscard]] json links() const {
    return {{"eap-session", {{"href", root + "/nausf-auth/v1/ue-authentications/1/eap-session"}}}};
  }

  std::uint64_t seq = 1;
  bool has_result_indications = false;
  std::string auth_type = "EAP_AKA_PRIME";
  std::string vector_network = test::kServingNetwork;
  std::string kseaf_network = test::kServingNetwork;
  std::string result = "AUTHENTICATION_SUCCESS";
  std::string supi = "imsi-001010000000001";
  std::optional<base::Bytes> last_packet;

  int exchanges = 0;
  std::optional<EapAkaPrimeServer> eap;
  std::string root;
  sbi::Router router;
  test::Loop loop;
  std::unique_ptr<sbi::Http2Server> server;
  std::uint16_t port = 0;
};

/// Attaches the device at the AUSF.
ue_sim::SecondAttach attach(const Ausf& ausf, ue_sim::Device& device) {
  ue_sim::Network network({}, test::kDeadline);
  const sbi::Uri uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(ausf.port));
  const ue_sim::AttachPath path{uri, uri, test::kServingNetwork, 2, std::nullopt, std::nullopt};
  ue_sim::SecondAttach done;
  const auto work = [&](std::size_t) -> boost::asio::awaitable<void> {
    std::string suci = ue_sim::suci_of_imsi(path, device);
    done = co_await ue_sim::attach_with_imsi(network, path, device, std::move(suci));
  };
  network.run(1, 1, work);
  return done;
}

/// The step at which the attach fails, and why.
std::string failure_of(const Ausf& ausf) {
  ue_sim::Device device = make_device_with_imsi();
  try {
    static_cast<void>(attach(ausf, device));
  } catch (const ue_sim::StepFailed& error) {
    return error.step() + ": " + error.what();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("A UE attaches by EAP-AKA' when the AUSF chooses that", "[ue-sim][step-9][step-10]") {
  Ausf ausf;
  ue_sim::Device device = make_device_with_imsi();
  SECTION("in one exchange") {
    const auto done = attach(ausf, device);
    CHECK(done.is_by_eap);
    CHECK_FALSE(done.was_resynchronised);
    CHECK(done.confirmation_summary == "200 AUTHENTICATION_SUCCESS");
    CHECK(ausf.exchanges == 1);
    CHECK(device.subscription->sequence.highest().seq() == 1);
  }
  SECTION("with a result indication") {
    ausf.has_result_indications = true;
    CHECK_NOTHROW(attach(ausf, device));
    CHECK(ausf.exchanges == 2);
  }
  SECTION("after a resynchronisation") {
    REQUIRE(device.subscription->sequence.accept(SequenceNumber::from_seq_and_ind(1000, 0)));
    CHECK(attach(ausf, device).was_resynchronised);
    CHECK(ausf.exchanges == 2);
    CHECK(device.subscription->sequence.highest().seq() == 1001);
  }
}

TEST_CASE("A UE believes no AUSF that does not prove itself", "[ue-sim][step-9][step-10]") {
  Ausf ausf;
  SECTION("another serving network") {
    ausf.vector_network = "5G:mnc002.mcc001.3gppnetwork.org";
    CHECK(failure_of(ausf) ==
          "9: no success: 200 AUTHENTICATION_FAILURE, UE: the network's name is not that of the serving network");
  }
  SECTION("another KSEAF") {
    ausf.kseaf_network = "5G:mnc002.mcc001.3gppnetwork.org";
    CHECK(failure_of(ausf) == "10: KSEAF of the network is not the UE's");
  }
  SECTION("another SUPI") {
    ausf.supi = "imsi-001010000000002";
    CHECK(failure_of(ausf) == "10: the SUPI in the answer is not the UE's IMSI");
  }
  SECTION("EAP-Failure beside a success") {
    ausf.last_packet = aka::eap_failure(7);
    CHECK(failure_of(ausf) == "9: no success: 200 AUTHENTICATION_SUCCESS, UE: EAP-Failure");
  }
  SECTION("EAP-Success beside a failure") {
    ausf.result = "AUTHENTICATION_FAILURE";
    CHECK(failure_of(ausf) == "9: no success: 200 AUTHENTICATION_FAILURE, UE: ");
  }
  SECTION("EAP-Success while it says that it goes on") {
    ausf.result = "AUTHENTICATION_ONGOING";
    CHECK(failure_of(ausf) == "9: the network ended the authentication where it should go on");
  }
  SECTION("no EAP packet") {
    ausf.last_packet = test::bytes("0102");
    CHECK(failure_of(ausf) == "9: the UE drops the network's EAP packet: an EAP packet has at least 4 octets");
  }
  SECTION("another method") {
    ausf.auth_type = "EAP_TLS";
    CHECK(failure_of(ausf).find("is neither 5G_AKA nor EAP_AKA_PRIME") != std::string::npos);
  }
}

// Nothing secret in logs, audit logs, errors, metrics and databases: good runs, and runs in which devices and ARPFs do it wrong.
#include <fcntl.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/crypto/cms.hpp"
#include "lib/crypto/kdf.hpp"
#include "tests/secrecy/attaches.hpp"

using namespace secrecy;

namespace {

/// ARPF's answers for a device that are endorsed, or are not, as each should, but bring its eK in an envelope with one bit changed, in one that
/// is cut, in clear, and under an endorsement of another answer.
std::vector<sbi::Response> answers_with_bad_envelopes(const std::string& pki, const ue_sim::Device& device) {
  const auto content = base::concatenate(device.dimsi.tbcd(), device.ephemeral_key.reveal());
  const base::Bytes good = crypto::envelop(content, crypto::Certificate::load(pki + "/operator.pem"));
  base::Bytes changed = good;
  changed.back() ^= 1;
  const base::Bytes cut(good.begin(), good.end() - static_cast<std::ptrdiff_t>(good.size() / 3));
  const auto endorse = [&](const base::Bytes& envelope) {
    return crypto::sign_detached(base::concatenate(device.token, envelope), crypto::Certificate::load(pki + "/arpf-ecdsa.pem"),
                                 crypto::PrivateKey::load(pki + "/arpf-ecdsa.key"), base::system_now());
  };
  const auto answer = [&](const base::Bytes& envelope, const base::Bytes& endorsed) {
    const json body{{"dimsi", device.dimsi.digits()},
                    {"encryptedKey", base::to_base64(envelope)},
                    {"endorsement", base::to_base64(endorse(endorsed))}};
    return sbi::Response(200, sbi::kJson, body.dump());
  };
  const json no_base64{{"dimsi", device.dimsi.digits()}, {"encryptedKey", base::to_hex(content) + "!"}, {"endorsement", {base::to_hex(content)}}};
  const std::string text = no_base64.dump();
  return {answer(changed, changed), answer(cut, cut), answer(content, content), answer(good, cut), {200, sbi::kJson, text},
          {200, sbi::kJson, text.substr(0, text.size() - 4)}};
}

constexpr const char* kDescriptor = "SECRECY_KEK_FD";

/// Opens a file with this content, whose descriptor the environment names.
void hand_over(const Lab& lab, const std::string& content) {
  const int descriptor = open(lab.folder().write("handed-over", content).c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(descriptor > 2);
  setenv(kDescriptor, std::to_string(descriptor).c_str(), 1);
}

}  // namespace

TEST_CASE("the search for secrets finds each form of one", "[secrecy]") {
  Secrets secrets;
  const auto whole = crypto::sha256(base::as_bytes("a secret"));
  const std::size_t size = GENERATE(8U, 9U, 10U, 16U, 32U);
  const base::BytesView octets = base::BytesView(whole).first(size);
  secrets.add("it", octets);
  std::string upper = base::to_hex(octets);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(secrets.found_in("nothing of it").empty());
  CHECK(secrets.found_in("x" + base::to_hex(octets) + "x").size() == 1);
  CHECK(secrets.found_in("x" + upper + "x").size() == 1);
  CHECK(secrets.found_in(std::string("x") + std::string(base::as_text(octets))).size() == 1);
  for (const char* before : {"", "1", "12"}) {
    for (const char* after : {"", "t", "tail"}) {
      const auto beside = base::concatenate(base::as_bytes(before), octets, base::as_bytes(after));
      CHECK(secrets.found_in(base::to_base64(beside)).size() == 1);
      CHECK(secrets.found_in(base::to_base64url(beside)).size() == 1);
      std::string lines = base::to_base64(beside);
      for (std::size_t at = 7; at < lines.size(); at += 8) lines.insert(at, "\n");  // as PEM has it
      CHECK(secrets.found_in(lines).size() == 1);
    }
  }
}

TEST_CASE("at debug level no key of an onboarding and two attaches is in any log, audit log, error, metric or database",
          "[secrecy][step-0e][step-8][tls][offer-authorization]") {
  Lab lab(Wire::tls);
  Secrets secrets;
  Options options;
  options.asks_for_authorization = true;
  const std::string own_key = test::read_text(lab.pki() + "/tls-arpf.key");
  for (const std::string& wrong : {own_key.substr(0, own_key.size() - 60), test::read_text(lab.pki() + "/tls-ausf-ext.key")}) {  // cut, and another's
    options.arpf_tls_key = lab.folder().write("wrong.key", wrong);
    lab.fail_to_start(options);
  }
  options.arpf_tls_key.clear();
  lab.start(options);
  for (const char* dimsi : {"901700000000001", "901700000000002", "901700000000003"}) {
    ue_sim::Device device = onboard(lab, dimsi, secrets);
    take_imsi(lab, device, secrets);
    attach_by_5g_aka(lab, device, secrets);
    ask_as_ausf(lab, device, secrets);
  }
  add_private_keys(lab, secrets);
  CHECK(secrets.size() > 3 * 24 + 16);
  CHECK(secrets.found_in(lab.databases()).empty());
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.refusals.find("no private key of the certificate") != std::string::npos);
  REQUIRE(traces.audits.find("ausf-ext.lab") != std::string::npos);  // they knew each other by their certificates
}

TEST_CASE("nor is a key-encryption key that comes by a descriptor, nor the digits of one that is refused", "[secrecy][key-encryption-key]") {
  Lab lab;
  Secrets secrets;
  add_private_keys(lab, secrets);
  const std::string digits = test::read_text(lab.pki() + "/kek.hex").substr(0, 64);
  Options options;
  options.key_encryption_key = std::string("{descriptor: ") + kDescriptor + "}";
  for (const std::string& wrong : {digits + digits, digits + "x"}) {
    hand_over(lab, wrong);
    lab.fail_to_start(options);
  }
  hand_over(lab, digits + "\n");
  lab.start(options);
  CHECK(std::getenv(kDescriptor) == nullptr);
  ue_sim::Device device = onboard(lab, "901700000000001", secrets);
  take_imsi(lab, device, secrets);
  attach_by_5g_aka(lab, device, secrets);
  CHECK(secrets.found_in(lab.databases()).empty());
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.refusals.find("does not give 64 hex digits alone") != std::string::npos);
}

TEST_CASE("nor is one of EAP-AKA', of its good run and of one with packets that are cut and changed", "[secrecy][step-8][eap]") {
  Lab lab;
  Secrets secrets;
  Options options;
  options.method = "EAP_AKA_PRIME";
  lab.start(options);
  ue_sim::Device device = onboard(lab, "901700000000001", secrets);
  take_imsi(lab, device, secrets);
  attach_by_eap_with_faults(lab, device, secrets);
  attach_by_eap(lab, device, secrets);
  ask_as_ausf(lab, device, secrets);
  add_private_keys(lab, secrets);
  CHECK(secrets.found_in(lab.databases()).empty());
  (void)check_nothing_is_told(lab, secrets);
}

TEST_CASE("nor is one of an attach with a wrong RES*, a resynchronisation, a sealed key that does not open, or a bad envelope",
          "[secrecy][step-0e][step-8]") {
  Lab lab;
  Secrets secrets;
  lab.start();
  ue_sim::Device device = onboard(lab, "901700000000001", secrets);
  take_imsi(lab, device, secrets, false);
  attach_by_5g_aka_with_faults(lab, device, secrets);
  lab.spoil_sealed_key(device.dimsi);
  const json failed = lab.call(lab.ausf_ext_uri(), "POST", "/nausf-auth/v1/ue-authentications",
                               {{"supiOrSuci", supi_of(device)}, {"servingNetworkName", kServingNetwork}}, 500);
  REQUIRE(failed["cause"] == "SYSTEM_FAILURE");

  sbi::Response bad;
  lab.replace_arpf([&bad](const sbi::Request&) { return bad; });
  for (std::size_t i = 0; i < 6; ++i) {
    const auto prepare = [&](const ue_sim::Device& made) { bad = answers_with_bad_envelopes(lab.pki(), made).at(i); };
    (void)onboard(lab, "90170000000010" + std::to_string(i), secrets, "FAILED", prepare);
    const json told = lab.call(lab.ausf_ext_uri(), "GET", "/nausfext-onboarding/v1/devices/90170000000010" + std::to_string(i), nullptr, 200);
    REQUIRE(told.contains("problem"));
    CHECK(secrets.found_in(told.dump()).empty());
  }
  add_private_keys(lab, secrets);
  CHECK(secrets.found_in(lab.databases()).empty());
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.log.find("] error: ") != std::string::npos);  // the sealed key
}

// An ARPF and an operator whose private keys are in an HSM, which opens the key-encryption key, too: neither its PIN, right or wrong, nor a key is told.
#include <catch2/catch.hpp>

#include "nf-ausf-ext/wrap_key.hpp"
#include "tests/secrecy/attaches.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/soft_hsm.hpp"

using namespace secrecy;

namespace {

/// Brings the lab's keys of ARPF and operator, and `wrapping`, into the token. No session stays: where one is logged in, the process is, and no PIN is
/// looked at.
void put_keys(const Lab& lab, const test::SoftHsm& hsm, const crypto::PrivateKey& wrapping) {
  const test::TokenSession session(hsm.load());
  const auto load = [&lab](const char* name) { return crypto::PrivateKey::load(lab.pki() + "/" + name + ".key"); };
  session.put(load("arpf-ecka"), "arpf-ecka", 1, {.signs = false});
  session.put(load("arpf-ecdsa"), "arpf-ecdsa", 2, {.derives = false});
  session.put(load("operator"), "operator", 3, {.signs = false});
  session.put(wrapping, "kek-wrap", 4, {.signs = false});
}

/// `key_encryption_key` of an envelope that the token's key `kek-wrap` opens.
std::string wrapped_key(const std::string& envelope, const std::string& certificate) {
  return "{wrapped: " + envelope + ", certificate: " + certificate + ", private_key: \"pkcs11:token=arpf;object=kek-wrap;type=private\"}";
}

}  // namespace

TEST_CASE("the PIN of an HSM is in no log, audit log, error, metric or database, nor is a key that it keeps", "[secrecy][token][step-0e]") {
  if (test::is_without_soft_hsm()) return;
  const std::string pin = "the-PIN-7f3a91c2d8";
  const std::string wrong_pin = "another-5be0";
  const test::SoftHsm hsm(pin);
  Lab lab;
  Secrets secrets;
  secrets.add_text("PIN", pin);
  secrets.add_text("the wrong PIN", wrong_pin);
  add_private_keys(lab, secrets);
  const auto wrapping = test::identity(test::template_for("kek-wrap", {crypto::KeyUsage::key_agreement}), crypto::Curve::p256);
  secrets.add("private key kek-wrap", wrapping.key.scalar().reveal());
  put_keys(lab, hsm, wrapping.key);
  const std::string certificate = lab.folder().write("kek-wrap.pem", wrapping.certificate.pem());
  ausf_ext::wrap_key(certificate, lab.pki() + "/kek.hex", lab.folder() / "kek.cms");
  std::string envelope = test::read_text(lab.folder() / "kek.cms");

  Options options;
  options.hsm_module = test::soft_hsm_module();
  options.key_encryption_key = wrapped_key(lab.folder() / "kek.cms", certificate);
  for (const std::string& no_pin : {wrong_pin + "\n", pin + "\n" + pin + "\n"}) {
    options.hsm_pin_file = lab.folder().write("pin", no_pin);
    lab.fail_to_start(options);
  }
  options.hsm_pin_file = lab.folder().write("pin", pin + "\n");
  Options spoilt = options;
  envelope.back() = static_cast<char>(envelope.back() ^ 1);
  spoilt.key_encryption_key = wrapped_key(lab.folder().write("spoilt.cms", envelope), certificate);
  lab.fail_to_start(spoilt);
  lab.start(options);
  ue_sim::Device device = onboard(lab, "901700000000001", secrets);
  take_imsi(lab, device, secrets);
  attach_by_5g_aka(lab, device, secrets);
  test::TokenSession(hsm.load()).log_out();  // the next retrieval logs in again
  (void)onboard(lab, "901700000000002", secrets);
  CHECK(secrets.found_in(lab.databases()).empty());
  const Traces traces = check_nothing_is_told(lab, secrets);
  REQUIRE(traces.refusals.find("the token refuses the PIN") != std::string::npos);
  REQUIRE(traces.refusals.find("is not one line, the PIN") != std::string::npos);
  REQUIRE(traces.refusals.find("the envelope was changed") != std::string::npos);
}

// An ARPF whose agreement key is in an HSM: neither its PIN, right or wrong, nor a key is told.
#include <catch2/catch.hpp>

#include "tests/secrecy/attaches.hpp"
#include "tests/support/soft_hsm.hpp"

using namespace secrecy;

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
  // No session may stay: where one is logged in, the process is, and no PIN is looked at.
  test::TokenSession(hsm.load()).put(crypto::PrivateKey::load(lab.pki() + "/arpf-ecka.key"), "arpf-ecka", 1, {.signs = false});

  Options options;
  options.hsm_module = test::soft_hsm_module();
  options.agreement_key = "pkcs11:token=arpf;object=arpf-ecka;type=private";
  for (const std::string& no_pin : {wrong_pin + "\n", pin + "\n" + pin + "\n"}) {
    options.hsm_pin_file = lab.folder().write("pin", no_pin);
    lab.fail_to_start(options);
  }
  options.hsm_pin_file = lab.folder().write("pin", pin + "\n");
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
}

// Rotation of CERT.ARPF.ECKA as docs/OPERATIONS.md has it: the new key beside the old one, then the new one alone; a restart each.
#include <catch2/catch.hpp>
#include <set>

#include "lib/crypto/cms.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/soft_hsm.hpp"

using namespace test;

namespace {

struct AgreementKeysLab : Lab {
  AgreementKeysLab() : old_key(agreement), new_key(make_party(wanted_leaf("the next ARPF ECKA", crypto::KeyUsage::key_agreement), &ci)) {}
  ~AgreementKeysLab() { arpf.reset(); }  // before what its keys may be in

  /// The ARPF, started anew on its database, with these keys side by side.
  void restart_with(const std::vector<Party>& keys) {
    arpf.reset();
    auto config = arpf_config();
    auto trust = *config.trust;
    trust.agreement_keys.clear();
    for (const Party& key : keys) trust.agreement_keys.push_back({key.certificate, key.key});
    config.trust = std::make_shared<const arpf::Trust>(std::move(trust));
    start_arpf(std::move(config));
  }
  SecureElement device_for(const Party& key, const std::string& dimsi) {
    agreement = key;
    return make_device(dimsi);
  }
  /// `its eK`, if that is what was released; else the refusal.
  std::string released(const SecureElement& device) {
    const Answer answer = retrieve(device, key_request(device));
    if (answer.status != 200) return answer.verdict();
    const auto sealed = base::from_base64(answer.content()["encryptedKey"].get<std::string>()).value();
    const auto content = crypto::open_envelope(sealed, mno.certificate, *mno.key);
    const bool is_its_own = base::to_hex(content.reveal()).ends_with(hex_key(*device.ephemeral_key));
    return is_its_own ? "its eK" : "another eK";
  }
  /// The ids of the keys that step (0-a) hands out to make tokens for.
  std::set<std::string> published() {
    std::set<std::string> out;
    const json document = to_arpf("GET", "/narpf-certificates/v1/certificates").content();
    for (const json& one : document) {
      if (one["usage"] == "ECKA") out.insert(one["keyId"].get<std::string>());
    }
    return out;
  }
  static std::string id_of(const Party& key) { return base::to_hex(key.certificate.subject_key_id().value()); }

  std::unique_ptr<SoftHsm> hsm;
  const Party old_key;
  const Party new_key;
};

}  // namespace

TEST_CASE_METHOD(AgreementKeysLab, "While two agreement keys stand side by side, each opens the tokens that were made for it", "[arpf][step-0e]") {
  const SecureElement old_device = device_for(old_key, "901700000000001");
  const SecureElement new_device = device_for(new_key, "901700000000002");
  restart_with({old_key});
  CHECK(published() == std::set{id_of(old_key)});
  CHECK(released(old_device) == "its eK");
  CHECK(released(new_device) == "403 ARPF_KEY_UNKNOWN");
  for (const auto& keys : {std::vector{old_key, new_key}, std::vector{new_key, old_key}}) {
    restart_with(keys);
    CHECK(published() == std::set{id_of(old_key), id_of(new_key)});
    CHECK(released(old_device) == "its eK");
    CHECK(released(new_device) == "its eK");
  }
}

TEST_CASE_METHOD(AgreementKeysLab, "Once the old agreement key was taken away, its tokens are refused by name, and the new key's are not",
                 "[arpf][step-0e]") {
  const SecureElement claimed = device_for(old_key, "901700000000001");
  const SecureElement waiting = device_for(old_key, "901700000000002");
  const SecureElement new_device = device_for(new_key, "901700000000003");
  restart_with({old_key, new_key});
  CHECK(released(claimed) == "its eK");
  CHECK(released(new_device) == "its eK");
  restart_with({new_key});
  CHECK(published() == std::set{id_of(new_key)});
  CHECK(released(claimed) == "403 ARPF_KEY_UNKNOWN");  // though it was released before
  CHECK(released(waiting) == "403 ARPF_KEY_UNKNOWN");
  CHECK(to_arpf("GET", "/narpf-keys/v1/claims/" + waiting.dimsi).status == 404);
  CHECK(released(new_device) == "its eK");
  const SecureElement again = device_for(new_key, waiting.dimsi);  // the device, personalised anew
  CHECK(released(again) == "its eK");
}

TEST_CASE_METHOD(AgreementKeysLab, "A key in an HSM follows one in a file", "[arpf][step-0e][token]") {
  if (is_without_soft_hsm()) return;
  hsm = std::make_unique<SoftHsm>();
  const auto module = hsm->load();
  TokenSession(module).put(*new_key.key, "next-ecka", 1, {.signs = false});
  const auto& certified = new_key.certificate.public_key();
  const Party in_hsm{new_key.certificate, std::make_shared<const crypto::PrivateKey>(
                                              crypto::PrivateKey::from_token("pkcs11:token=arpf;object=next-ecka;type=private", module, &certified))};
  const SecureElement old_device = device_for(old_key, "901700000000001");
  const SecureElement new_device = device_for(new_key, "901700000000002");
  restart_with({old_key, in_hsm});
  CHECK(released(old_device) == "its eK");
  CHECK(released(new_device) == "its eK");
  restart_with({in_hsm});
  CHECK(released(old_device) == "403 ARPF_KEY_UNKNOWN");
  CHECK(released(new_device) == "its eK");
}

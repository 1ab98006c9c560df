#include "ue-sim/secure_element.hpp"

#include <stdexcept>

#include "lib/aka/key_hierarchy.hpp"
#include "lib/profile/subscriber_keys.hpp"

namespace ue_sim {

std::string fault_of_agreement_certificate(const crypto::Certificate& certificate, const crypto::Certificate& issuer,
                                           base::Time now) {
  const auto fault = crypto::check_issued_by(certificate, issuer, now, crypto::KeyUsage::key_agreement);
  if (fault != crypto::ChainFault::none) return std::string(crypto::describe(fault));
  if (!certificate.subject_key_id()) return "it has no subjectKeyIdentifier of 20 octets";
  return {};
}

Factory::Factory(PartNumber part_number, crypto::Certificate agreement_certificate, base::Time now)
    : part_number_(std::move(part_number)), agreement_certificate_(std::move(agreement_certificate)), now_(now) {
  const std::string fault = fault_of_agreement_certificate(agreement_certificate_, part_number_.issuer, now);
  if (!fault.empty()) throw std::runtime_error("CERT.ARPF.ECKA does not verify under the CI: " + fault);
}

Device Factory::personalise(const profile::DiscoveryImsi& dimsi) const {
  const crypto::PrivateKey signing_key = crypto::PrivateKey::generate(part_number_.key.curve());
  crypto::CertificateTemplate wanted;
  wanted.common_name = "Lab SE " + dimsi.digits();
  wanted.not_before = now_ - std::chrono::hours(1);
  wanted.not_after = now_ + std::chrono::hours(24 * 3650);
  wanted.key_usages = {crypto::KeyUsage::digital_signature};
  const crypto::Certificate certificate =
      crypto::issue(wanted, signing_key.public_key(), part_number_.key, &part_number_.certificate);

  const crypto::PublicKey& arpf_key = agreement_certificate_.public_key();
  const profile::ArpfKeyId key_id = agreement_certificate_.subject_key_id().value();
  const crypto::PrivateKey ephemeral = crypto::PrivateKey::generate(arpf_key.curve());  // SK.SE.ECDHE
  const base::SecretBytes shared_secret = crypto::agree(ephemeral, arpf_key);           // SHS
  const auto token = profile::AttachToken::make(dimsi, key_id, ephemeral.public_key(), signing_key);
  return Device{dimsi, certificate.der(), token.der, profile::derive_ephemeral_key(shared_secret, dimsi, key_id),
                std::nullopt};
}

std::optional<profile::Receipt> take_imsi(Device& device, const profile::Rand& rand, const profile::Autn& autn) {
  if (!aka::has_separation_bit(autn)) return std::nullopt;
  if (device.uses_imsi() && device.subscription->has_authenticated) return std::nullopt;
  auto opened = profile::open_discovery_vector(device.ephemeral_key, device.dimsi, rand, autn);
  if (!opened) return std::nullopt;
  const bool is_known = device.subscription && device.subscription->imsi == opened->imsi;
  Subscription taken{opened->imsi, opened->mnc_length, aka::UsimSequence()};
  if (is_known) taken.sequence = device.subscription->sequence;
  if (is_known && !device.subscription->is_given_up()) taken.failed_attaches = device.subscription->failed_attaches;
  device.subscription = taken;
  return std::move(opened->receipt);
}

namespace {

template <class AnyDevice>
auto& subscription_of(AnyDevice& device) {
  if (!device.subscription) throw std::logic_error("the device has no IMSI yet");
  return *device.subscription;
}

}  // namespace

profile::DiscoveryVector recompute_vector(const Device& device) {
  const Subscription& taken = subscription_of(device);
  return profile::make_discovery_vector(device.ephemeral_key, device.dimsi, taken.imsi, taken.mnc_length);
}

void note_attached(Device& device) { subscription_of(device).failed_attaches = 0; }

void note_failed_attach(Device& device) { ++subscription_of(device).failed_attaches; }

ChallengeAnswer answer_challenge(Device& device, const aka::Rand& rand, const aka::Autn& autn,
                                 std::string_view serving_network_name) {
  const profile::Imsi imsi = subscription_of(device).imsi;
  if (!aka::has_separation_bit(autn)) return NoSeparationBit{};
  const auto keys = profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, imsi);
  auto answer = aka::usim_authenticate(keys, rand, autn, device.subscription->sequence, serving_network_name);
  if (const auto* out_of_step = std::get_if<aka::SynchronisationFailure>(&answer)) return *out_of_step;
  if (std::holds_alternative<aka::MacFailure>(answer)) return aka::MacFailure{};
  device.subscription->has_authenticated = true;
  auto& authenticated = std::get<aka::Authenticated>(answer);
  return UeAnswer{std::move(authenticated.res_star), aka::derive_kseaf(authenticated.kausf, serving_network_name)};
}

}  // namespace ue_sim

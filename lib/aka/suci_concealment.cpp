#include "lib/aka/suci_concealment.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "lib/crypto/cipher.hpp"
#include "lib/crypto/kdf.hpp"

namespace aka {
namespace {

using base::Bytes;
using base::BytesView;
using crypto::EciesProfile;
using crypto::EciesPublicKey;

/// The first octets of an HMAC-SHA-256 that are sent (TS 33.501, C.3.4: maclen).
constexpr std::size_t kMacSize = 8;
/// The high nibble of the last octet of an MSIN with an odd number of digits (TS 24.501, 9.11.3.4).
constexpr std::uint8_t kFiller = 0xF;

using Mac = std::array<std::uint8_t, kMacSize>;

/// ephemeral public key || ciphertext || MAC (TS 33.501, C.3.2): views into the output's octets.
struct SchemeOutput {
  BytesView ephemeral_public_key;
  BytesView ciphertext;
  BytesView mac;
};

[[noreturn]] void fail_output(const char* sentence) { throw SuciError(SuciError::Kind::invalid_output, sentence); }

SchemeOutput split(EciesProfile profile, BytesView octets) {
  const std::size_t key_size = crypto::public_key_size(profile);
  if (octets.size() <= key_size + kMacSize) fail_output("The SUCI's scheme output is too short for its scheme.");
  const std::size_t ciphertext_size = octets.size() - key_size - kMacSize;
  return {octets.first(key_size), octets.subspan(key_size, ciphertext_size), octets.last(kMacSize)};
}

Mac mac_of(const EciesKeys& keys, BytesView ciphertext) {
  std::array<std::uint8_t, 32> whole;
  crypto::hmac_sha256(keys.mac_key.reveal(), ciphertext, whole);
  Mac out;
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

/// The octets inside; only once the MAC is found to be right.
base::SecretBytes open(const crypto::EciesPrivateKey& key, const SchemeOutput& output) {
  const auto ephemeral = EciesPublicKey::from_octets(key.profile(), output.ephemeral_public_key);
  if (!ephemeral) fail_output("The SUCI's ephemeral public key is no compressed point of P-256.");
  const auto shared_secret = crypto::agree(key, *ephemeral);
  if (!shared_secret) fail_output("The SUCI's ephemeral public key is of low order.");
  const EciesKeys keys = derive_ecies_keys(*shared_secret, output.ephemeral_public_key);
  if (!base::equal_in_constant_time(mac_of(keys, output.ciphertext), output.mac)) {
    fail_output("The SUCI's MAC is wrong: the SUCI was changed, or concealed for another key.");
  }
  base::SecretBytes plaintext(output.ciphertext.size());
  crypto::aes128_ctr(keys.encryption_key.reveal(), keys.counter_block.reveal(), output.ciphertext, plaintext.writable());
  return plaintext;
}

/// The MSIN's digits of packed BCD, digit 1 in the low nibble of octet 1; nothing but a last high nibble may be filler.
std::optional<std::string> digits_of(BytesView msin) {
  if (msin.size() * 2 > profile::Imsi::kMaxDigits) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < 2 * msin.size(); ++i) {
    const std::uint8_t octet = msin[i / 2];
    const auto nibble = static_cast<std::uint8_t>(i % 2 == 0 ? octet & 0xF : octet >> 4);
    const bool is_filler = nibble == kFiller && i + 1 == 2 * msin.size();
    if (is_filler) break;
    if (nibble > 9) return std::nullopt;
    digits.push_back(static_cast<char>('0' + nibble));
  }
  return digits;
}

/// Packed BCD of digits, with filler if their number is odd.
Bytes pack(std::string_view digits) {
  Bytes out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto low = static_cast<unsigned>(digits[i] - '0');
    const unsigned high = i + 1 < digits.size() ? static_cast<unsigned>(digits[i + 1] - '0') : kFiller;
    out.push_back(static_cast<std::uint8_t>((high << 4) | low));
  }
  return out;
}

profile::Imsi imsi_of(const profile::Plmn& home_network, BytesView msin) {
  constexpr const char* kNoMsin = "The SUCI does not hold the digits of an MSIN.";
  const auto digits = digits_of(msin);
  if (!digits) fail_output(kNoMsin);
  const auto imsi = profile::Imsi::from_digits(home_network.prefix() + *digits);
  if (!imsi) fail_output(kNoMsin);
  return *imsi;
}

std::string_view scheme_text(EciesProfile profile) { return profile == EciesProfile::a ? "1" : "2"; }

void require_argument(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

/// ephemeral public key || ciphertext || MAC.
Bytes seal(const EciesPublicKey& to, const crypto::EciesPrivateKey& ephemeral, BytesView plaintext) {
  const auto shared_secret = crypto::agree(ephemeral, to);
  require_argument(shared_secret.has_value(), "the home network's public key is of low order");
  const Bytes& ephemeral_public_key = ephemeral.public_key().octets();
  const EciesKeys keys = derive_ecies_keys(*shared_secret, ephemeral_public_key);
  Bytes ciphertext(plaintext.size());
  crypto::aes128_ctr(keys.encryption_key.reveal(), keys.counter_block.reveal(), plaintext, ciphertext);
  return base::concatenate(ephemeral_public_key, ciphertext, mac_of(keys, ciphertext));
}

}  // namespace

HomeNetworkKeys::HomeNetworkKeys(std::map<std::uint8_t, crypto::EciesPrivateKey> keys) : keys_(std::move(keys)) {
  require_argument(!keys_.contains(0), "the home network key 0 is the null scheme's");
}

const crypto::EciesPrivateKey& HomeNetworkKeys::find(std::uint8_t id, EciesProfile profile) const {
  const auto found = keys_.find(id);
  if (found == keys_.end()) {
    throw SuciError(SuciError::Kind::unknown_key, "No home network key here has the SUCI's key id.");
  }
  if (found->second.profile() != profile) {
    throw SuciError(SuciError::Kind::unknown_key, "The home network key of that id is for the other protection scheme.");
  }
  return found->second;
}

profile::Imsi HomeNetworkKeys::deconceal(const Suci& suci) const {
  if (suci.scheme == kNullScheme) return imsi_of_null_scheme(suci);
  if (suci.scheme != kProfileA && suci.scheme != kProfileB) {
    throw SuciError(SuciError::Kind::unsupported_scheme,
                    "The SUCI's protection scheme is none of null scheme, profile A and profile B.");
  }
  const EciesProfile profile = suci.scheme == kProfileA ? EciesProfile::a : EciesProfile::b;
  const crypto::EciesPrivateKey& key = find(suci.home_network_key, profile);
  const auto octets = base::from_hex(suci.output);
  if (!octets) fail_output("The SUCI's scheme output is not hex.");
  const base::SecretBytes msin = open(key, split(profile, *octets));
  return imsi_of(suci.home_network, msin.reveal());
}

std::string conceal(const profile::Imsi& imsi, const profile::Plmn& home_network, std::string_view routing_indicator,
                    const HomeNetworkPublicKey& key, const crypto::EciesPrivateKey& ephemeral) {
  require_argument(home_network.is_home_of(imsi), "the PLMN is not that of the IMSI");
  require_argument(key.id != 0, "the home network key 0 is the null scheme's");
  const bool is_indicator = !routing_indicator.empty() && routing_indicator.size() <= 4 &&
                            std::ranges::all_of(routing_indicator, [](char c) { return c >= '0' && c <= '9'; });
  require_argument(is_indicator, "a routing indicator is 1 to 4 digits");
  const std::string msin = imsi.digits().substr(home_network.prefix().size());
  require_argument(!msin.empty(), "the IMSI has no MSIN");
  std::string out = "suci-0-" + home_network.mcc + "-" + home_network.mnc + "-";
  out.append(routing_indicator).append("-").append(scheme_text(key.key.profile()));
  out.append("-").append(std::to_string(key.id)).append("-");
  return out.append(base::to_hex(seal(key.key, ephemeral, pack(msin))));
}

EciesKeys derive_ecies_keys(const base::SecretBytes& shared_secret, BytesView ephemeral_public_key) {
  base::SecretBytes derived(16 + 16 + 32);
  crypto::x963_kdf(shared_secret.reveal(), ephemeral_public_key, derived.writable());
  const BytesView octets = derived.reveal();
  return {base::SecretKey<EciesEncryptionKeyTag, 16>(octets.subspan<0, 16>()),
          base::SecretKey<EciesCounterBlockTag, 16>(octets.subspan<16, 16>()),
          base::SecretKey<EciesMacKeyTag, 32>(octets.subspan<32, 32>())};
}

}  // namespace aka

#include "lib/aka/eap_aka_prime.hpp"

#include <algorithm>

#include "lib/crypto/kdf.hpp"

namespace aka {
namespace {

using base::Bytes;
using base::BytesView;

constexpr std::size_t kDigestSize = 32;
constexpr std::string_view kLabel = "EAP-AKA'";
constexpr std::size_t kMasterKeySize =
    EapEncryptionKey::kSize + EapAuthenticationKey::kSize + EapReauthenticationKey::kSize + Msk::kSize + Emsk::kSize;

/// PRF'(K, S) = T1 || T2 || ..., Tn = HMAC-SHA-256(K, Tn-1 || S || n) (RFC 9048, 3.4.1), the first `size` octets.
base::SecretBytes prf_prime(BytesView key, BytesView s, std::size_t size) {
  const std::size_t rounds = (size + kDigestSize - 1) / kDigestSize;
  base::SecretBytes out(rounds * kDigestSize);
  base::SecretBytes input(kDigestSize + s.size() + 1);
  std::ranges::copy(s, input.writable().subspan(kDigestSize).begin());
  for (std::size_t n = 1; n <= rounds; ++n) {
    input.writable().back() = static_cast<std::uint8_t>(n);
    const auto t = out.writable().subspan((n - 1) * kDigestSize).first<kDigestSize>();
    crypto::hmac_sha256(key, input.reveal().subspan(n == 1 ? kDigestSize : 0), t);
    std::ranges::copy(t, input.writable().begin());
  }
  out.truncate(size);
  return out;
}

/// Takes the next key off the front of `octets`.
template <class Key>
Key take(BytesView& octets) {
  Key key(octets.first<Key::kSize>());
  octets = octets.subspan(Key::kSize);
  return key;
}

std::array<std::uint8_t, kEapMacSize> mac_of(BytesView packet_with_zeros, const EapAuthenticationKey& k_aut) {
  crypto::Sha256Digest digest{};
  crypto::hmac_sha256(k_aut.reveal(), packet_with_zeros, digest);
  std::array<std::uint8_t, kEapMacSize> mac{};
  std::copy_n(digest.begin(), mac.size(), mac.begin());
  return mac;
}

}  // namespace

EapKeys derive_eap_keys(const PrimeKeys& keys, std::string_view identity) {
  base::SecretBytes key(IkPrime::kSize + CkPrime::kSize);
  std::ranges::copy(keys.ck.reveal(), std::ranges::copy(keys.ik.reveal(), key.writable().begin()).out);
  const Bytes s = base::concatenate(kLabel, identity);
  const base::SecretBytes master_key = prf_prime(key.reveal(), s, kMasterKeySize);
  BytesView rest = master_key.reveal();
  return {take<EapEncryptionKey>(rest), take<EapAuthenticationKey>(rest), take<EapReauthenticationKey>(rest),
          take<Msk>(rest), take<Emsk>(rest)};
}

std::string key_identity(const profile::Imsi& imsi) { return imsi.digits(); }

Kausf derive_kausf(const Emsk& emsk) { return Kausf(emsk.reveal().first<Kausf::kSize>()); }

TransformedVector make_transformed_vector(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                          const Amf& amf, std::string_view serving_network_name) {
  const AuthenticationVector av = make_authentication_vector(keys, rand, sqn, amf);
  return {rand, av.autn, base::SecretBytes(av.xres.reveal()),
          derive_prime_keys(av.ck, av.ik, serving_network_name, sqn_xor_ak(av.autn))};
}

Bytes encode_authenticated(const AkaPrimeMessage& message, const EapAuthenticationKey& k_aut) {
  Bytes packet = encode_with_empty_mac(message);
  std::ranges::copy(mac_of(packet, k_aut), packet.end() - kEapMacSize);
  return packet;
}

bool has_valid_mac(BytesView packet, const AkaPrimeMessage& message, const EapAuthenticationKey& k_aut) {
  if (!message.mac_offset) return false;
  Bytes with_zeros(packet.begin(), packet.end());
  std::fill_n(with_zeros.begin() + static_cast<std::ptrdiff_t>(*message.mac_offset), kEapMacSize, std::uint8_t{0});
  return base::equal_in_constant_time(mac_of(with_zeros, k_aut), packet.subspan(*message.mac_offset, kEapMacSize));
}

}  // namespace aka

#include "lib/aka/key_hierarchy.hpp"

#include <stdexcept>

#include "lib/crypto/kdf.hpp"

namespace aka {
namespace {

using base::Bytes;
using base::BytesView;

struct OutputTag;
using Output = base::SecretKey<OutputTag, 32>;

/// CK || IK, the key of the derivations next to the USIM.
base::SecretBytes ck_and_ik(const Ck& ck, const Ik& ik) {
  base::SecretBytes key(Ck::kSize + Ik::kSize);
  std::ranges::copy(ck.reveal(), key.writable().begin());
  std::ranges::copy(ik.reveal(), key.writable().subspan(Ck::kSize).begin());
  return key;
}

/// S = FC || P0 || L0 || P1 || L1 ... (TS 33.220, B.2), the lengths in two octets. May hold a secret: wiped.
base::SecretBytes input(std::uint8_t fc, std::initializer_list<BytesView> parameters) {
  std::size_t size = 1;
  for (const BytesView parameter : parameters) size += parameter.size() + 2;
  base::SecretBytes s(size);
  auto at = s.writable().begin();
  *at++ = fc;
  for (const BytesView parameter : parameters) {
    if (parameter.size() > 0xFFFF) throw std::length_error("a parameter of the KDF has more than 65535 octets");
    at = std::ranges::copy(parameter, at).out;
    *at++ = static_cast<std::uint8_t>(parameter.size() >> 8);
    *at++ = static_cast<std::uint8_t>(parameter.size() & 0xFF);
  }
  return s;
}

/// KDF(key, S) = HMAC-SHA-256(key, S) (TS 33.220, B.2).
template <class Key = Output>
Key kdf(BytesView key, std::uint8_t fc, std::initializer_list<BytesView> parameters) {
  return Key::written_by(
      [&](std::span<std::uint8_t, 32> out) { crypto::hmac_sha256(key, input(fc, parameters).reveal(), out); });
}

}  // namespace

Kausf derive_kausf(const Ck& ck, const Ik& ik, std::string_view serving_network_name, const SqnOctets& sqn_xor_ak) {
  return kdf<Kausf>(ck_and_ik(ck, ik).reveal(), 0x6A, {base::as_bytes(serving_network_name), sqn_xor_ak});
}

PrimeKeys derive_prime_keys(const Ck& ck, const Ik& ik, std::string_view serving_network_name,
                            const SqnOctets& sqn_xor_ak) {
  const Output output = kdf(ck_and_ik(ck, ik).reveal(), 0x20, {base::as_bytes(serving_network_name), sqn_xor_ak});
  return {CkPrime(output.reveal().first<16>()), IkPrime(output.reveal().last<16>())};
}

ResStar derive_res_star(const Ck& ck, const Ik& ik, std::string_view serving_network_name, const Rand& rand,
                        const Res& res) {
  const Output output =
      kdf(ck_and_ik(ck, ik).reveal(), 0x6B, {base::as_bytes(serving_network_name), rand, res.reveal()});
  return ResStar(output.reveal().last<16>());
}

HresStar derive_hres_star(const Rand& rand, const ResStar& res_star) {
  base::SecretBytes message(rand.size() + ResStar::kSize);
  std::ranges::copy(rand, message.writable().begin());
  std::ranges::copy(res_star.reveal(), message.writable().subspan(rand.size()).begin());
  const crypto::Sha256Digest digest = crypto::sha256(message.reveal());
  HresStar out{};
  std::copy(digest.begin() + 16, digest.end(), out.begin());
  return out;
}

Kseaf derive_kseaf(const Kausf& kausf, std::string_view serving_network_name) {
  return kdf<Kseaf>(kausf.reveal(), 0x6C, {base::as_bytes(serving_network_name)});
}

Kamf derive_kamf(const Kseaf& kseaf, std::string_view supi, const std::array<std::uint8_t, 2>& abba) {
  return kdf<Kamf>(kseaf.reveal(), 0x6D, {base::as_bytes(supi), abba});
}

Kasme derive_kasme(const Ck& ck, const Ik& ik, const std::array<std::uint8_t, 3>& serving_network,
                   const SqnOctets& sqn_xor_ak) {
  return kdf<Kasme>(ck_and_ik(ck, ik).reveal(), 0x10, {serving_network, sqn_xor_ak});
}

}  // namespace aka

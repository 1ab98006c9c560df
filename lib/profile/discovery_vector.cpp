#include "lib/profile/discovery_vector.hpp"

#include <algorithm>
#include <stdexcept>

#include "lib/crypto/cipher.hpp"

namespace profile {
namespace {

using crypto::Block;

/// CTV without its last octet, the length of the MNC.
constexpr std::array<std::uint8_t, 7> kCtv{'C', 'T', 'V', '-', '5', 'G', 'I'};
constexpr std::string_view kReceiptLabel = "receipt";
/// Where AUTN has its AMF, octets 7 and 8, and what stands there: the separation bit alone.
constexpr std::size_t kAmfOffset = 6;
constexpr std::array<std::uint8_t, 2> kAmf{0x80, 0x00};

bool is_mnc_length(std::uint8_t length) { return length == 2 || length == 3; }

/// block = TBCD(IMSI) || CTV (section 7.2).
Block make_block(const Imsi& imsi, std::uint8_t mnc_length) {
  if (!is_mnc_length(mnc_length)) throw std::invalid_argument("the length of an MNC is 2 or 3");
  Block block{};
  const TbcdImsi tbcd = imsi.tbcd();
  const auto after_imsi = std::copy(tbcd.begin(), tbcd.end(), block.begin());
  *std::copy(kCtv.begin(), kCtv.end(), after_imsi) = mnc_length;
  return block;
}

/// output_2 (section 7.3).
Autn make_autn(const IntegrityKey& integrity_key, const Block& block) {
  Autn autn = crypto::aes_cmac(integrity_key.reveal(), block);
  std::copy(kAmf.begin(), kAmf.end(), autn.begin() + kAmfOffset);
  return autn;
}

/// True if the 14 octets that are not the AMF are equal; time does not depend on the octets.
bool equal_but_for_amf(Autn a, Autn b) {
  std::copy(kAmf.begin(), kAmf.end(), a.begin() + kAmfOffset);
  std::copy(kAmf.begin(), kAmf.end(), b.begin() + kAmfOffset);
  return base::equal_in_constant_time(a, b);
}

/// AUTS = AES-CMAC(eKi, block || "receipt")[0..13] (section 7.5).
Receipt receipt_of(const IntegrityKey& integrity_key, const Block& block) {
  Block mac = crypto::aes_cmac(integrity_key.reveal(), base::concatenate(block, kReceiptLabel));
  Receipt receipt(std::span<const std::uint8_t, 16>(mac).first<Receipt::kSize>());
  base::wipe(mac);
  return receipt;
}

/// CTV, then the form of the digits (section 7.4).
std::optional<OpenedVector> read_block(const IntegrityKey& integrity_key, const Block& block) {
  const std::uint8_t mnc_length = block.back();
  if (!std::equal(kCtv.begin(), kCtv.end(), block.begin() + 8) || !is_mnc_length(mnc_length)) return std::nullopt;
  TbcdImsi tbcd{};
  std::copy_n(block.begin(), tbcd.size(), tbcd.begin());
  const auto imsi = Imsi::from_tbcd(tbcd);
  if (!imsi) return std::nullopt;
  return OpenedVector{*imsi, mnc_length, receipt_of(integrity_key, block)};
}

template <class Key>
Key derive(const EphemeralKey& ephemeral_key, std::string_view label, const DiscoveryImsi& discovery_imsi) {
  return Key::written_by([&](std::span<std::uint8_t, Key::kSize> out) {
    crypto::kbkdf_cmac(ephemeral_key.reveal(), label, discovery_imsi.tbcd(), out);
  });
}

}  // namespace

EncryptionKey derive_encryption_key(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi) {
  return derive<EncryptionKey>(ephemeral_key, "eKc", discovery_imsi);
}

IntegrityKey derive_integrity_key(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi) {
  return derive<IntegrityKey>(ephemeral_key, "eKi", discovery_imsi);
}

DiscoveryVector make_discovery_vector(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi,
                                      const Imsi& imsi, std::uint8_t mnc_length) {
  const Block block = make_block(imsi, mnc_length);
  const EncryptionKey encryption_key = derive_encryption_key(ephemeral_key, discovery_imsi);
  const IntegrityKey integrity_key = derive_integrity_key(ephemeral_key, discovery_imsi);
  return {crypto::aes128_encrypt(encryption_key.reveal(), block), make_autn(integrity_key, block)};
}

Receipt make_receipt(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi, const Imsi& imsi,
                     std::uint8_t mnc_length) {
  const Block block = make_block(imsi, mnc_length);
  return receipt_of(derive_integrity_key(ephemeral_key, discovery_imsi), block);
}

ReceiptHash receipt_hash(const Receipt& receipt) { return receipt_hash(receipt.reveal()); }

ReceiptHash receipt_hash(std::span<const std::uint8_t, 14> auts) { return crypto::sha256(auts); }

std::optional<OpenedVector> open_discovery_vector(const EphemeralKey& ephemeral_key,
                                                  const DiscoveryImsi& discovery_imsi, const Rand& rand,
                                                  const Autn& autn) {
  const EncryptionKey encryption_key = derive_encryption_key(ephemeral_key, discovery_imsi);
  const IntegrityKey integrity_key = derive_integrity_key(ephemeral_key, discovery_imsi);
  const Block block = crypto::aes128_decrypt(encryption_key.reveal(), rand);
  if (!equal_but_for_amf(autn, make_autn(integrity_key, block))) return std::nullopt;
  return read_block(integrity_key, block);
}

std::optional<OpenedVector> open_discovery_vector_2g(const EphemeralKey& ephemeral_key,
                                                     const DiscoveryImsi& discovery_imsi, const Rand& rand) {
  const EncryptionKey encryption_key = derive_encryption_key(ephemeral_key, discovery_imsi);
  const IntegrityKey integrity_key = derive_integrity_key(ephemeral_key, discovery_imsi);
  return read_block(integrity_key, crypto::aes128_decrypt(encryption_key.reveal(), rand));
}

}  // namespace profile

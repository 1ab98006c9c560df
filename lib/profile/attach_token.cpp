#include "lib/profile/attach_token.hpp"

#include <algorithm>

#include "lib/profile/der.hpp"

namespace profile {
namespace {

using der::Tag;

constexpr std::array<std::uint8_t, 1> kVersion{1};

struct Tbs {
  DiscoveryImsi discovery_imsi;
  ArpfKeyId arpf_key_id;
  Bytes ephemeral_point;
};

/// `04 || X || Y` with coordinates of 32 or 48 octets.
bool has_point_form(BytesView point) { return (point.size() == 65 || point.size() == 97) && point[0] == 0x04; }

/// r || s, each of 32 or 48 octets.
bool has_signature_form(BytesView signature) { return signature.size() == 64 || signature.size() == 96; }

template <std::size_t N>
std::array<std::uint8_t, N> to_array(BytesView octets) {
  std::array<std::uint8_t, N> out{};
  std::copy_n(octets.begin(), N, out.begin());
  return out;
}

DiscoveryImsi read_discovery_imsi(der::Reader& reader) {
  const auto imsi = Imsi::from_tbcd(to_array<8>(reader.read(Tag::context_0, 8)));
  if (!imsi) throw TokenError("token: dimsi is not 6 to 15 digits in TBCD, filled with F");
  return DiscoveryImsi(*imsi);
}

Bytes read_point(der::Reader& reader) {
  const BytesView point = reader.read(Tag::application_73);
  if (!has_point_form(point)) throw TokenError("token: ephemeralKey is not 04 || X || Y of 65 or 97 octets");
  return {point.begin(), point.end()};
}

Tbs read_tbs(BytesView tbs_der) {
  der::Reader outer(tbs_der);
  der::Reader reader(outer.read(Tag::sequence));
  if (!std::ranges::equal(reader.read(Tag::integer), kVersion)) throw TokenError("token: version is not 1");
  Tbs tbs{read_discovery_imsi(reader), to_array<20>(reader.read(Tag::context_1, 20)), read_point(reader)};
  reader.finish();
  return tbs;
}

AttachToken read_token(BytesView der) {
  der::Reader outer(der);
  der::Reader reader(outer.read(Tag::sequence));
  outer.finish();
  const BytesView tbs_der = reader.read_whole(Tag::sequence);
  const BytesView signature = reader.read(Tag::application_55);
  reader.finish();
  if (!has_signature_form(signature)) throw TokenError("token: signature is not r || s of 64 or 96 octets");
  Tbs tbs = read_tbs(tbs_der);
  return {tbs.discovery_imsi,
          tbs.arpf_key_id,
          std::move(tbs.ephemeral_point),
          Bytes(tbs_der.begin(), tbs_der.end()),
          Bytes(signature.begin(), signature.end()),
          Bytes(der.begin(), der.end())};
}

}  // namespace

AttachToken AttachToken::parse(BytesView der) {
  try {
    return read_token(der);
  } catch (const der::DerError& error) {
    throw TokenError(std::string("token: ") + error.what());
  }
}

AttachToken AttachToken::make(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id,
                              const crypto::PublicKey& ephemeral_key, const crypto::PrivateKey& signing_key) {
  AttachToken token{discovery_imsi, arpf_key_id, ephemeral_key.point(), {}, {}, {}};
  token.tbs_der = encode_tbs(discovery_imsi, arpf_key_id, token.ephemeral_point);
  token.signature = crypto::sign(signing_key, token.tbs_der);
  token.der = encode_token(token.tbs_der, token.signature);
  return token;
}

bool AttachToken::is_signed_by(const crypto::PublicKey& secure_element) const {
  return crypto::verify(secure_element, tbs_der, signature);
}

Bytes encode_tbs(const DiscoveryImsi& discovery_imsi, const ArpfKeyId& arpf_key_id, BytesView ephemeral_point) {
  if (!has_point_form(ephemeral_point)) throw TokenError("token: ephemeralKey is not 04 || X || Y of 65 or 97 octets");
  return der::encode(
      Tag::sequence,
      base::concatenate(der::encode(Tag::integer, kVersion), der::encode(Tag::context_0, discovery_imsi.tbcd()),
                        der::encode(Tag::context_1, arpf_key_id), der::encode(Tag::application_73, ephemeral_point)));
}

Bytes encode_token(BytesView tbs_der, BytesView signature) {
  if (!has_signature_form(signature)) throw TokenError("token: signature is not r || s of 64 or 96 octets");
  return der::encode(Tag::sequence, base::concatenate(tbs_der, der::encode(Tag::application_55, signature)));
}

}  // namespace profile

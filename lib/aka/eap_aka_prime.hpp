#pragma once

#include <string>
#include <string_view>

#include "lib/aka/eap_packet.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/profile/identity.hpp"

/// The keys of EAP-AKA' (RFC 9048, clause 3.3), AT_MAC, and the vector that it starts from. The two ends of the
/// protocol are in eap_aka_prime_server.hpp and eap_aka_prime_peer.hpp. Throws CryptoError only if OpenSSL itself
/// fails.
namespace aka {

struct EapEncryptionKeyTag;
struct EapAuthenticationKeyTag;
struct EapReauthenticationKeyTag;
struct MskTag;
struct EmskTag;
/// K_encr: nothing is encrypted in 5G, so it is derived and never used.
using EapEncryptionKey = base::SecretKey<EapEncryptionKeyTag, 16>;
/// K_aut, the key of AT_MAC.
using EapAuthenticationKey = base::SecretKey<EapAuthenticationKeyTag, 32>;
/// K_re: there is no fast re-authentication in 5G (TS 33.501, F.3).
using EapReauthenticationKey = base::SecretKey<EapReauthenticationKeyTag, 32>;
using Msk = base::SecretKey<MskTag, 64>;
using Emsk = base::SecretKey<EmskTag, 64>;

struct EapKeys {
  EapEncryptionKey k_encr;
  EapAuthenticationKey k_aut;
  EapReauthenticationKey k_re;
  Msk msk;
  Emsk emsk;
};

/// MK = PRF'(IK' || CK', "EAP-AKA'" || Identity), 1664 bits, cut into the five keys (RFC 9048, 3.3 and 3.4). For
/// `identity` in 5G see key_identity().
EapKeys derive_eap_keys(const PrimeKeys& keys, std::string_view identity);

/// The Identity that goes into the keys in 5G: the digits of the IMSI, with neither `imsi-` nor a realm nor a leading
/// `0`, whatever identity the UE sent, a SUCI among them. TS 33.501, F.3: with AT_KDF 1 and a network name that begins
/// with `5G:` "the Identity shall be set to IMSI as defined in clause 2.2 of TS 23.003" when the SUPI is one (RFC
/// 9048, 5.3, says the same). Until 15.8.0 TS 33.501 was read as `imsi-<digits>`; cores and UEs of the field have left
/// that.
std::string key_identity(const profile::Imsi& imsi);

/// KAUSF: the 256 most significant bits of EMSK (TS 33.501, 6.1.3.1).
Kausf derive_kausf(const Emsk& emsk);

/// AV', the transformed vector that a UDM gives an AUSF for EAP-AKA' (TS 33.501, 6.1.3.1, step 1).
struct TransformedVector {
  Rand rand;
  Autn autn;
  base::SecretBytes xres;  ///< kMinResSize to kMaxResSize octets
  PrimeKeys keys;
};
/// Home side. The caller has stored that `sqn` is used before the vector leaves it.
TransformedVector make_transformed_vector(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                          const Amf& amf, std::string_view serving_network_name);

/// AT_MAC: the first 128 bits of HMAC-SHA-256 over the whole packet with zeros in the place of AT_MAC (RFC 9048,
/// 3.4.2; RFC 4187, 10.15). `message` with AT_MAC at its end, in octets.
base::Bytes encode_authenticated(const AkaPrimeMessage& message, const EapAuthenticationKey& k_aut);
/// True if `packet`, which parsed as `message`, has an AT_MAC and it is right; compared in constant time.
bool has_valid_mac(base::BytesView packet, const AkaPrimeMessage& message, const EapAuthenticationKey& k_aut);

}  // namespace aka

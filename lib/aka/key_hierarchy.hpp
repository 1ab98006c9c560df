#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/aka/milenage.hpp"
#include "lib/base/secret.hpp"

/// The key hierarchy above CK and IK (TS 33.501, annex A; the KDF is that of TS 33.220, annex B.2). Throws CryptoError
/// only if OpenSSL itself fails, and std::length_error if a parameter has more than 65535 octets.
namespace aka {

struct CkPrimeTag;
struct IkPrimeTag;
struct ResStarTag;
struct KausfTag;
struct KseafTag;
struct KamfTag;
struct KasmeTag;
using CkPrime = base::SecretKey<CkPrimeTag, 16>;
using IkPrime = base::SecretKey<IkPrimeTag, 16>;
/// RES* or XRES*.
using ResStar = base::SecretKey<ResStarTag, 16>;
using Kausf = base::SecretKey<KausfTag, 32>;
using Kseaf = base::SecretKey<KseafTag, 32>;
using Kamf = base::SecretKey<KamfTag, 32>;
using Kasme = base::SecretKey<KasmeTag, 32>;
/// HXRES* or HRES*: may be known to the serving network.
using HresStar = std::array<std::uint8_t, 16>;

/// KAUSF of 5G AKA from CK, IK, the serving network name and SQN xor AK (TS 33.501, A.2).
Kausf derive_kausf(const Ck& ck, const Ik& ik, std::string_view serving_network_name, const SqnOctets& sqn_xor_ak);

/// CK' and IK'.
struct PrimeKeys {
  CkPrime ck;
  IkPrime ik;
};
/// CK' and IK' of EAP-AKA', whose access network identity is the serving network name (TS 33.501, A.3; TS 33.402, A.2).
PrimeKeys derive_prime_keys(const Ck& ck, const Ik& ik, std::string_view serving_network_name,
                            const SqnOctets& sqn_xor_ak);

/// RES* or XRES*: the 128 least significant bits of the KDF's output (TS 33.501, A.4).
ResStar derive_res_star(const Ck& ck, const Ik& ik, std::string_view serving_network_name, const Rand& rand,
                        const Res& res);

/// HRES* or HXRES*: the 128 least significant bits of SHA-256(RAND || RES*) (TS 33.501, A.5).
HresStar derive_hres_star(const Rand& rand, const ResStar& res_star);

/// KSEAF (TS 33.501, A.6).
Kseaf derive_kseaf(const Kausf& kausf, std::string_view serving_network_name);

/// KAMF, the simulator's proof that both ends hold one key (TS 33.501, A.7). `supi`: the IMSI's digits alone.
Kamf derive_kamf(const Kseaf& kseaf, std::string_view supi, const std::array<std::uint8_t, 2>& abba);

/// KASME of EPS AKA; `serving_network` is the PLMN in the 3 octets of TS 24.301 (TS 33.401, A.2).
Kasme derive_kasme(const Ck& ck, const Ik& ik, const std::array<std::uint8_t, 3>& serving_network,
                   const SqnOctets& sqn_xor_ak);

}  // namespace aka

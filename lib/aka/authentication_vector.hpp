#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "lib/aka/auts.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/aka/milenage.hpp"

/// Authentication vectors at the home side, and their answer by a USIM and its ME (TS 33.102, 6.3; TS 33.501, 6.1.3.2).
/// Throws CryptoError only if OpenSSL itself fails.
namespace aka {

/// AUTN = (SQN xor AK) || AMF || MAC-A.
using Autn = std::array<std::uint8_t, 16>;

/// The AMF of vectors for 5G, E-UTRAN and EAP-AKA': the separation bit set, the rest zero (TS 33.102, annex H; PROTOCOL.md, section 9).
inline constexpr Amf kSeparatedAmf{0x80, 0x00};

/// SQN xor AK, the first 6 octets.
SqnOctets sqn_xor_ak(const Autn& autn);
/// True if bit 0 of the AMF, the separation bit, is 1: an ME on E-UTRAN or 5G refuses an AUTN without it
/// (TS 33.501, 6.1.3.2.0).
bool has_separation_bit(const Autn& autn);

/// The quintet of TS 33.102, 6.3.2: what EAP-AKA' and EPS AKA start from.
struct AuthenticationVector {
  Rand rand;
  Autn autn;
  Res xres;
  Ck ck;
  Ik ik;
};
/// Home side. The caller has stored that `sqn` is used before the vector leaves it.
AuthenticationVector make_authentication_vector(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                                const Amf& amf);

/// 5G HE AV (TS 33.501, 6.1.3.2.0, step 1).
struct HomeEnvironmentVector {
  Rand rand;
  Autn autn;
  ResStar xres_star;
  Kausf kausf;
};
/// Home side, 5G AKA. `serving_network_name` as is_serving_network_name() accepts it; it is not checked again.
HomeEnvironmentVector make_5g_he_av(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                    const Amf& amf, std::string_view serving_network_name);

/// The USIM took the challenge: its RES, CK and IK, and what the ME makes of them.
struct Authenticated {
  Res res;
  Ck ck;
  Ik ik;
  ResStar res_star;
  Kausf kausf;
};
/// MAC-A is not the home network's.
struct MacFailure {};
/// SQN is not fresh.
struct SynchronisationFailure {
  Auts auts;
};
using UsimAnswer = std::variant<Authenticated, MacFailure, SynchronisationFailure>;

/// USIM side: checks MAC-A in constant time, then that SQN is fresh (TS 33.102, 6.3.3), and only on success changes
/// `state`. The separation bit is not looked at: the ME checks has_separation_bit() first, where it must.
UsimAnswer usim_authenticate(const SubscriberKeys& keys, const Rand& rand, const Autn& autn, UsimSequence& state,
                             std::string_view serving_network_name);

}  // namespace aka

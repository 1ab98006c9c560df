#pragma once

#include <array>
#include <cstdint>

#include "lib/aka/sequence_number.hpp"
#include "lib/base/secret.hpp"
#include "lib/profile/subscriber_keys.hpp"

/// Milenage (TS 35.206): f1, f1*, f2, f3, f4, f5, f5* with the r and c of clause 4.1.
/// Throws CryptoError only if OpenSSL itself fails.
namespace aka {

using profile::OperatorVariant;
using profile::SubscriberKey;
using profile::SubscriberKeys;

using Rand = std::array<std::uint8_t, 16>;
/// The authentication management field of an AUTN; not the network function of that name.
using Amf = std::array<std::uint8_t, 2>;
/// MAC-A or MAC-S. Compare with base::equal_in_constant_time.
using Mac = std::array<std::uint8_t, 8>;

struct OperatorKeyTag;
struct ResTag;
struct CkTag;
struct IkTag;
struct AkTag;
/// OP, the operator's own constant.
using OperatorKey = base::SecretKey<OperatorKeyTag, 16>;
/// RES or XRES, 64 bits.
using Res = base::SecretKey<ResTag, 8>;
/// CK, the cipher key.
using Ck = base::SecretKey<CkTag, 16>;
/// IK, the integrity key.
using Ik = base::SecretKey<IkTag, 16>;
/// AK or AK*, which conceals SQN.
using Ak = base::SecretKey<AkTag, 6>;

/// OPc = OP xor E_K(OP) (clause 4.1).
OperatorVariant derive_opc(const SubscriberKey& k, const OperatorKey& op);

/// MAC-A, the network's authentication code.
Mac f1(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf);
/// MAC-S, the resynchronisation's authentication code.
Mac f1_star(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf);

/// The outputs of f2, f3, f4 and f5.
struct Response {
  Res res;
  Ck ck;
  Ik ik;
  Ak ak;
};
/// f2, f3, f4 and f5 of one challenge.
Response f2345(const SubscriberKeys& keys, const Rand& rand);

/// What the home side needs for one vector.
struct HomeOutputs {
  Mac mac_a;
  Response response;
};
/// f1 to f5 of one challenge, K being keyed once.
HomeOutputs f12345(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf);

/// AK*, the anonymity key of a resynchronisation.
Ak f5_star(const SubscriberKeys& keys, const Rand& rand);

/// SQN xor AK, and its inverse.
SqnOctets conceal(const SequenceNumber& sqn, const Ak& ak);
SequenceNumber reveal_sqn(const SqnOctets& sqn_xor_ak, const Ak& ak);

}  // namespace aka

#include "lib/aka/milenage.hpp"

#include <algorithm>

#include "lib/crypto/cipher.hpp"

namespace aka {
namespace {

struct ScratchTag;
/// An intermediate block: wiped like a key, for K follows from some of them.
using Scratch = base::SecretKey<ScratchTag, 16>;
using BlockView = std::span<const std::uint8_t, 16>;

/// r, in octets, and the last octet of c: the constants of TS 35.206, clause 4.1.
struct Round {
  std::size_t rotation;
  std::uint8_t constant;
};
constexpr Round kRound1{8, 0x00};
constexpr Round kRound2{0, 0x01};
constexpr Round kRound3{4, 0x02};
constexpr Round kRound4{8, 0x04};
constexpr Round kRound5{12, 0x08};

Scratch xored(BlockView a, BlockView b) {
  return Scratch::written_by([&](std::span<std::uint8_t, 16> out) {
    std::ranges::transform(a, b, out.begin(), [](unsigned x, unsigned y) { return static_cast<std::uint8_t>(x ^ y); });
  });
}

/// rot(block, r) xor c.
Scratch rotated(BlockView block, const Round& round) {
  return Scratch::written_by([&](std::span<std::uint8_t, 16> out) {
    std::ranges::rotate_copy(block, block.begin() + static_cast<std::ptrdiff_t>(round.rotation), out.begin());
    out.back() = static_cast<std::uint8_t>(out.back() ^ round.constant);
  });
}

/// E_K, keyed once for all blocks of a vector.
class Cipher {
 public:
  explicit Cipher(const SubscriberKey& k) : aes_(k.reveal()) {}
  [[nodiscard]] Scratch operator()(BlockView block) const {
    return Scratch::written_by([&](std::span<std::uint8_t, 16> out) { aes_.encrypt(block, out); });
  }

 private:
  crypto::Aes128 aes_;
};

/// The functions of TS 35.206, clause 4.1, for one K, OPc and RAND.
class Milenage {
 public:
  Milenage(const SubscriberKeys& keys, const Rand& rand)
      : opc_(keys.opc.reveal()), cipher_(keys.k), temp_(cipher_(xored(rand, opc_).reveal())) {}

  /// OUT1 = E_K(TEMP xor rot(IN1 xor OPc, r1) xor c1) xor OPc, IN1 = SQN || AMF || SQN || AMF: MAC-A || MAC-S.
  [[nodiscard]] Scratch out1(const SequenceNumber& sqn, const Amf& amf) const {
    Rand in1{};
    const SqnOctets sqn_octets = sqn.octets();
    auto at = in1.begin();
    for (int half = 0; half < 2; ++half) at = std::ranges::copy(amf, std::ranges::copy(sqn_octets, at).out).out;
    const Scratch input = rotated(xored(in1, opc_).reveal(), kRound1);
    return xored(cipher_(xored(temp_.reveal(), input.reveal()).reveal()).reveal(), opc_);
  }

  /// OUT2 to OUT5 = E_K(rot(TEMP xor OPc, r) xor c) xor OPc.
  [[nodiscard]] Scratch out(const Round& round) const {
    return xored(cipher_(rotated(xored(temp_.reveal(), opc_).reveal(), round).reveal()).reveal(), opc_);
  }

  [[nodiscard]] Response response() const {
    const Scratch out2 = out(kRound2);
    return {Res(out2.reveal().last<8>()), Ck(out(kRound3).reveal()), Ik(out(kRound4).reveal()), Ak(out2.reveal().first<6>())};
  }

 private:
  BlockView opc_;
  Cipher cipher_;
  Scratch temp_;  ///< E_K(RAND xor OPc)
};

Mac to_mac(std::span<const std::uint8_t, 8> octets) {
  Mac mac{};
  std::ranges::copy(octets, mac.begin());
  return mac;
}

SqnOctets xored_with(SqnOctets octets, const Ak& ak) {
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(octets[i] ^ ak.reveal()[i]);
  return octets;
}

}  // namespace

OperatorVariant derive_opc(const SubscriberKey& k, const OperatorKey& op) {
  return OperatorVariant(xored(op.reveal(), Cipher(k)(op.reveal()).reveal()).reveal());
}

Mac f1(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf) {
  return to_mac(Milenage(keys, rand).out1(sqn, amf).reveal().first<8>());
}

Mac f1_star(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf) {
  return to_mac(Milenage(keys, rand).out1(sqn, amf).reveal().last<8>());
}

Response f2345(const SubscriberKeys& keys, const Rand& rand) { return Milenage(keys, rand).response(); }

HomeOutputs f12345(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn, const Amf& amf) {
  const Milenage milenage(keys, rand);
  return {to_mac(milenage.out1(sqn, amf).reveal().first<8>()), milenage.response()};
}

Ak f5_star(const SubscriberKeys& keys, const Rand& rand) { return Ak(Milenage(keys, rand).out(kRound5).reveal().first<6>()); }

SqnOctets conceal(const SequenceNumber& sqn, const Ak& ak) { return xored_with(sqn.octets(), ak); }

SequenceNumber reveal_sqn(const SqnOctets& sqn_xor_ak, const Ak& ak) {
  return SequenceNumber::from_octets(xored_with(sqn_xor_ak, ak));
}

}  // namespace aka

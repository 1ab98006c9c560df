#include "lib/profile/subscriber_keys.hpp"

#include "lib/crypto/kdf.hpp"

namespace profile {
namespace {

template <class Key>
Key derive(const crypto::Cmac& prf, std::string_view label, base::BytesView context) {
  return Key::written_by([&](std::span<std::uint8_t, Key::kSize> out) { crypto::kbkdf_cmac(prf, label, context, out); });
}

}  // namespace

SubscriberKeys derive_subscriber_keys(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi,
                                      const Imsi& imsi) {
  const base::Bytes context = base::concatenate(discovery_imsi.tbcd(), imsi.tbcd());
  const crypto::Cmac prf(ephemeral_key.reveal());
  return {derive<SubscriberKey>(prf, "K", context), derive<OperatorVariant>(prf, "OPc", context)};
}

}  // namespace profile

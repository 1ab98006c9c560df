#include "lib/profile/subscriber_keys.hpp"

#include "lib/crypto/kdf.hpp"

namespace profile {
namespace {

template <class Key>
Key derive(const EphemeralKey& ephemeral_key, std::string_view label, base::BytesView context) {
  return Key::written_by([&](std::span<std::uint8_t, Key::kSize> out) {
    crypto::kbkdf_cmac(ephemeral_key.reveal(), label, context, out);
  });
}

}  // namespace

SubscriberKeys derive_subscriber_keys(const EphemeralKey& ephemeral_key, const DiscoveryImsi& discovery_imsi,
                                      const Imsi& imsi) {
  const base::Bytes context = base::concatenate(discovery_imsi.tbcd(), imsi.tbcd());
  return {derive<SubscriberKey>(ephemeral_key, "K", context), derive<OperatorVariant>(ephemeral_key, "OPc", context)};
}

}  // namespace profile

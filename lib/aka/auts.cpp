#include "lib/aka/auts.hpp"

#include <algorithm>

namespace aka {
namespace {

/// AMF*: a dummy value of all zeros, so that AUTS need not carry it (TS 33.102, 6.3.3).
constexpr Amf kResynchronisationAmf{0x00, 0x00};

}  // namespace

Auts make_auts(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn_ms) {
  const SqnOctets concealed = conceal(sqn_ms, f5_star(keys, rand));
  const Mac mac_s = f1_star(keys, rand, sqn_ms, kResynchronisationAmf);
  Auts auts{};
  std::ranges::copy(mac_s, std::ranges::copy(concealed, auts.begin()).out);
  return auts;
}

std::optional<SequenceNumber> open_auts(const SubscriberKeys& keys, const Rand& rand, const Auts& auts) {
  SqnOctets concealed{};
  std::copy_n(auts.begin(), concealed.size(), concealed.begin());
  const SequenceNumber sqn_ms = reveal_sqn(concealed, f5_star(keys, rand));
  const Mac mac_s = f1_star(keys, rand, sqn_ms, kResynchronisationAmf);
  if (!base::equal_in_constant_time(mac_s, base::BytesView(auts).subspan(concealed.size()))) return std::nullopt;
  return sqn_ms;
}

}  // namespace aka

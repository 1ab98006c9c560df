// What parses as a service provider's word is written again as the same octets.
#include "lib/profile/offer_authorization.hpp"
#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView octets(data, size);
  try {
    const auto word = profile::OfferAuthorization::parse(octets);
    fuzz::require(std::ranges::equal(word.encode(), octets), "it is written as it was read");
  } catch (const profile::OfferAuthorizationError&) {
  }
  return 0;
}

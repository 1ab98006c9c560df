#include "nf-d-ausf/serve_vector.hpp"

#include <algorithm>
#include <span>

#include "lib/base/error.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;

// A guess costs a request, and a right one ends in AUTHENTICATION_FAILURE, or in 204: 64 bits of MAC are plenty. The id is in each answer
// twice, so that it is kept short.
constexpr std::size_t kNamedOctets = 12;  ///< TBCD(dIMSI) and 4 random ones
constexpr std::size_t kMacOctets = 8;     ///< the first of them
constexpr std::size_t kIdOctets = kNamedOctets + kMacOctets;

struct IdParts {
  std::span<std::uint8_t, kNamedOctets> named;
  std::span<std::uint8_t, kMacOctets> mac;
};
IdParts parts_of(std::array<std::uint8_t, kIdOctets>& id) {
  const std::span<std::uint8_t, kIdOctets> all(id);
  return {all.first<kNamedOctets>(), all.last<kMacOctets>()};
}

std::array<std::uint8_t, kMacOctets> mac_of(const crypto::Cmac& mac, std::span<const std::uint8_t, kNamedOctets> named) {
  crypto::Block block{};
  std::ranges::copy(named, block.begin());
  const crypto::Block whole = mac(block);
  std::array<std::uint8_t, kMacOctets> out;
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

[[noreturn]] void fail_unknown() {
  throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "there is no vector for this dIMSI");
}

}  // namespace

profile::DiscoveryVector ServeVector::operator()(const profile::DiscoveryImsi& dimsi, const std::string& serving_network) {
  const auto challenge = challenges_.find(dimsi);
  if (!challenge) fail_unknown();
  notes_.add(dimsi, challenge->rand, serving_network, clock_());
  return *challenge;
}

void ServeVector::require_known(const profile::DiscoveryImsi& dimsi) {
  if (!challenges_.find(dimsi)) fail_unknown();
}

StoredVector ServeVector::record(const profile::DiscoveryImsi& dimsi) const {
  auto stored = find_vector(reader_, dimsi);
  if (!stored) fail_unknown();
  return std::move(*stored);
}

std::string ContextIds::make(const profile::DiscoveryImsi& dimsi) const {
  std::array<std::uint8_t, kIdOctets> id;
  const auto [named, mac] = parts_of(id);
  std::ranges::copy(dimsi.tbcd(), named.begin());
  crypto::take_random(named.subspan(8));
  std::ranges::copy(mac_of(mac_, named), mac.begin());
  return base::to_hex(id);
}

void ContextIds::check(std::string_view id) const {
  auto octets = base::from_hex_exactly<kIdOctets>(id);
  bool is_genuine = false;
  if (octets) {
    const auto [named, mac] = parts_of(*octets);
    is_genuine = base::equal_in_constant_time(mac_of(mac_, named), mac);
  }
  if (is_genuine) return;
  throw base::ConcealedRefusal(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such authentication context",
                               "the context is none that was made here");
}

}  // namespace d_ausf

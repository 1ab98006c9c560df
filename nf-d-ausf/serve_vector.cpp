#include "nf-d-ausf/serve_vector.hpp"

#include "lib/base/error.hpp"
#include "lib/crypto/cipher.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kNamedOctets = 16;  ///< TBCD(dIMSI) and 8 random ones, before the MAC of 16

[[noreturn]] void fail_unknown() {
  throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "there is no vector for this dIMSI");
}

}  // namespace

profile::DiscoveryVector ServeVector::operator()(const profile::DiscoveryImsi& dimsi, const std::string& serving_network) {
  const auto challenge = find_challenge(reader_, dimsi);
  if (!challenge) fail_unknown();
  committer_.write_later([dimsi, rand = challenge->rand, serving_network, now = clock_()](store::Database& database) {
    note_served(database, dimsi, rand, serving_network, now);
  });
  return *challenge;
}

void ServeVector::require_known(const profile::DiscoveryImsi& dimsi) const {
  if (!find_challenge(reader_, dimsi)) fail_unknown();
}

StoredVector ServeVector::record(const profile::DiscoveryImsi& dimsi) const {
  auto stored = find_vector(reader_, dimsi);
  if (!stored) fail_unknown();
  return std::move(*stored);
}

std::string ContextIds::make(const profile::DiscoveryImsi& dimsi) const {
  const base::Bytes named = base::concatenate(dimsi.tbcd(), crypto::random_octets<kNamedOctets - 8>());
  const crypto::Block mac = crypto::aes_cmac(key_.reveal().first<16>(), named);
  return base::to_hex(base::concatenate(named, mac));
}

void ContextIds::check(std::string_view id) const {
  const auto octets = base::from_hex_exactly<kNamedOctets + 16>(id);
  bool is_genuine = false;
  if (octets) {
    const base::BytesView all(*octets);
    const crypto::Block mac = crypto::aes_cmac(key_.reveal().first<16>(), all.first(kNamedOctets));
    is_genuine = base::equal_in_constant_time(mac, all.subspan(kNamedOctets));
  }
  if (!is_genuine) throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such authentication context");
}

}  // namespace d_ausf

#include "nf-ausf-ext/authentication_contexts.hpp"

#include <initializer_list>
#include <iterator>
#include <stdexcept>

#include "lib/base/error.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;
using std::chrono::steady_clock;

constexpr std::size_t kTbcdOctets = 8;
constexpr std::size_t kNetworkOctets = 3;

[[noreturn]] void fail_expired_context() {
  throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such authentication context, or it has expired");
}

/// The six digits of `5G:mncNNN.mccNNN...` in three octets.
std::array<std::uint8_t, kNetworkOctets> packed_network(std::string_view name) {
  const std::string digits = std::string(name.substr(6, 3)) + std::string(name.substr(13, 3));
  const auto octets = base::from_hex_exactly<kNetworkOctets>(digits);
  if (!octets) throw std::invalid_argument("is no serving network name");
  return *octets;
}

std::span<const std::uint8_t, ContextIds::kKeyOctets> halves_of(const base::SecretBytes& key) {
  if (key.size() != ContextIds::kKeyOctets) throw std::invalid_argument("the key of context ids has 32 octets");
  return key.reveal().first<ContextIds::kKeyOctets>();
}

std::string network_name(base::BytesView packed) {
  const std::string digits = base::to_hex(packed);
  return "5G:mnc" + digits.substr(0, 3) + ".mcc" + digits.substr(3) + ".3gppnetwork.org";
}

}  // namespace

ContextIds::ContextIds(const base::SecretBytes& key)
    : ContextIds(halves_of(key).first<16>(), halves_of(key).last<16>()) {}

ContextIds::ContextIds(std::span<const std::uint8_t, 16> encryption_key, std::span<const std::uint8_t, 16> integrity_key)
    : encrypt_(encryption_key), mac_(integrity_key), encryption_key_(encryption_key) {}

crypto::Block ContextIds::mac_of(base::BytesView concealed, std::string_view party) const {
  return mac_(base::concatenate(concealed, base::as_bytes(party)));
}

std::string ContextIds::make(const profile::Imsi& imsi, std::string_view serving_network_name, std::string_view party) const {
  const base::Bytes named = base::concatenate(imsi.tbcd(), packed_network(serving_network_name), crypto::random_octets<5>());
  crypto::Block block{};
  std::copy(named.begin(), named.end(), block.begin());
  encrypt_.encrypt(block, block);
  return base::to_hex(base::concatenate(block, mac_of(block, party)));
}

std::optional<crypto::Block> ContextIds::concealed_of(std::string_view id, std::string_view party) const {
  const auto octets = base::from_hex_exactly<32>(id);
  if (!octets) return std::nullopt;
  crypto::Block concealed{};
  std::copy_n(octets->begin(), concealed.size(), concealed.begin());
  const bool is_made_here = base::equal_in_constant_time(mac_of(concealed, party), base::BytesView(*octets).subspan(concealed.size()));
  return is_made_here ? std::optional(concealed) : std::nullopt;
}

std::optional<ContextIds::Named> ContextIds::open(std::string_view id, std::string_view party) const {
  const auto concealed = concealed_of(id, party);
  if (!concealed) return std::nullopt;
  const crypto::Block block = crypto::aes128_decrypt(encryption_key_.reveal(), *concealed);
  profile::TbcdImsi tbcd{};
  std::copy_n(block.begin(), kTbcdOctets, tbcd.begin());
  const auto imsi = profile::Imsi::from_tbcd(tbcd);
  if (!imsi) return std::nullopt;
  return Named{*imsi, network_name(base::BytesView(block).subspan(kTbcdOctets, kNetworkOctets))};
}

void AuthenticationContexts::add(const std::string& id, AuthenticationContext context) {
  const auto now = steady_clock::now();
  context.expires_at = now + lifetime_;
  const std::lock_guard lock(mutex_);
  drop_expired(now);
  if (by_id_.size() >= kMaxContexts) drop_oldest(answered_.empty() ? under_way_ : answered_);
  insert(under_way_, id, std::move(context));
}

AuthenticationContext AuthenticationContexts::take(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) fail_expired_context();
  AuthenticationContext context = std::move(found->second.at->context);
  erase(found);
  if (context.expires_at < steady_clock::now()) fail_expired_context();
  return context;
}

void AuthenticationContexts::put_back(const std::string& id, AuthenticationContext context) {
  const std::lock_guard lock(mutex_);
  insert(under_way_, id, std::move(context));
}

void AuthenticationContexts::put_back_answered(const std::string& id, AuthenticationContext context) {
  const std::lock_guard lock(mutex_);
  if (answered_.size() >= kMaxAnswered) drop_oldest(answered_);
  if (by_id_.size() < kMaxContexts) insert(answered_, id, std::move(context));
}

void AuthenticationContexts::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_id_.find(id); found != by_id_.end()) erase(found);
}

void AuthenticationContexts::erase(ById::iterator found) {
  const Place place = found->second;
  by_id_.erase(found);
  place.entries->erase(place.at);
}

void AuthenticationContexts::insert(Entries& entries, const std::string& id, AuthenticationContext context) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) erase(found);
  entries.push_back({id, std::move(context)});
  by_id_.emplace(entries.back().id, Place{&entries, std::prev(entries.end())});
}

void AuthenticationContexts::drop_oldest(Entries& entries) {
  by_id_.erase(entries.front().id);
  entries.pop_front();
}

void AuthenticationContexts::drop_expired(steady_clock::time_point now) {
  for (Entries* const entries : {&under_way_, &answered_}) {
    while (!entries->empty() && entries->front().context.expires_at < now) drop_oldest(*entries);
  }
}

}  // namespace ausf_ext

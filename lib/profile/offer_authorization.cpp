#include "lib/profile/offer_authorization.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "lib/profile/der.hpp"

namespace profile {
namespace {

using der::Tag;

constexpr std::size_t kMaxOperatorIdOctets = 256;
constexpr std::size_t kTimeOctets = 15;

/// `YYYYMMDDHHMMSSZ` (X.690, 11.7, without a fraction).
std::string to_generalized_time(base::Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  if (static_cast<int>(date.year()) < 0 || static_cast<int>(date.year()) > 9999) {
    throw OfferAuthorizationError("notAfter is beyond the year 9999");
  }
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d%02u%02u%02ld%02ld%02ldZ", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<long>(clock.hours().count()),
                                 static_cast<long>(clock.minutes().count()), static_cast<long>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

base::Time read_time(base::BytesView octets) {
  const std::string_view text = base::as_text(octets);
  const bool has_form = text.size() == kTimeOctets && text.back() == 'Z' &&
                        std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  if (!has_form) throw OfferAuthorizationError("notAfter is not YYYYMMDDHHMMSSZ");
  const std::chrono::year_month_day date{std::chrono::year(number(text.substr(0, 4))),
                                         std::chrono::month(static_cast<unsigned>(number(text.substr(4, 2)))),
                                         std::chrono::day(static_cast<unsigned>(number(text.substr(6, 2))))};
  const int hour = number(text.substr(8, 2));
  const int minute = number(text.substr(10, 2));
  const int second = number(text.substr(12, 2));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) throw OfferAuthorizationError("notAfter is no time");
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

DiscoveryImsi read_dimsi(base::BytesView octets) {
  std::array<std::uint8_t, 8> tbcd{};
  std::copy_n(octets.begin(), tbcd.size(), tbcd.begin());
  const auto imsi = Imsi::from_tbcd(tbcd);
  if (!imsi) throw OfferAuthorizationError("dimsi is not 6 to 15 digits in TBCD, filled with F");
  return DiscoveryImsi(*imsi);
}

std::string read_operator_id(base::BytesView octets) {
  if (octets.empty() || octets.size() > kMaxOperatorIdOctets) throw OfferAuthorizationError("operatorId does not have 1 to 256 octets");
  return std::string(base::as_text(octets));
}

}  // namespace

OfferAuthorization OfferAuthorization::parse(base::BytesView der) {
  try {
    der::Reader outer(der);
    der::Reader reader(outer.read(Tag::sequence));
    outer.finish();
    const DiscoveryImsi dimsi = read_dimsi(reader.read(Tag::octet_string, 8));
    crypto::Sha256Digest hash{};
    std::ranges::copy(reader.read(Tag::octet_string, hash.size()), hash.begin());
    std::string operator_id = read_operator_id(reader.read(Tag::utf8_string));
    const base::Time not_after = read_time(reader.read(Tag::generalized_time));
    reader.finish();
    return {dimsi, hash, std::move(operator_id), not_after};
  } catch (const der::DerError& error) {
    throw OfferAuthorizationError(error.what());
  }
}

base::Bytes OfferAuthorization::encode() const {
  (void)read_operator_id(base::as_bytes(operator_id));
  const std::string time = to_generalized_time(not_after);
  return der::encode(Tag::sequence, base::concatenate(der::encode(Tag::octet_string, discovery_imsi.tbcd()),
                                                      der::encode(Tag::octet_string, ephemeral_key_hash),
                                                      der::encode(Tag::utf8_string, base::as_bytes(operator_id)),
                                                      der::encode(Tag::generalized_time, base::as_bytes(time))));
}

}  // namespace profile

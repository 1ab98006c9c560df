#include "nf-ausf-ext/bootstrap_subscription.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace ausf_ext {
namespace {

constexpr std::uint32_t kNoSd = 0xFFFFFF;
constexpr std::size_t kSdDigits = 6;
constexpr std::array<std::string_view, 5> kUnits{"bps", "Kbps", "Mbps", "Gbps", "Tbps"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool are_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// `internet` of `internet.mnc001.mcc001.gprs`.
std::string_view network_identifier(std::string_view dnn) {
  constexpr std::string_view kForm = ".mncNNN.mccNNN.gprs";
  if (dnn.size() <= kForm.size()) return dnn;
  const std::string_view tail = dnn.substr(dnn.size() - kForm.size());
  const bool is_operator = is_equal_without_case(tail.substr(0, 4), ".mnc") && are_digits(tail.substr(4, 3)) &&
                           is_equal_without_case(tail.substr(7, 4), ".mcc") && are_digits(tail.substr(11, 3)) &&
                           is_equal_without_case(tail.substr(14), ".gprs");
  return is_operator ? dnn.substr(0, dnn.size() - kForm.size()) : dnn;
}

}  // namespace

std::optional<std::optional<std::uint32_t>> Snssai::sd_from_hex(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != kSdDigits || fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value == kNoSd ? std::optional<std::uint32_t>() : std::optional(value);
}

std::string Snssai::sd_hex() const {
  if (!sd) return "";
  std::array<char, kSdDigits> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *sd, 16).ptr;
  const std::string out(digits.data(), end);
  return std::string(kSdDigits - out.size(), '0') + out;
}

std::string Snssai::key() const { return std::to_string(sst) + (sd ? "-" + sd_hex() : ""); }

std::optional<BitRate> BitRate::from_text(std::string_view text) {
  BitRate rate;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), rate.value);
  if (fault != std::errc() || rate.value < 1 || rate.value > kMaxValue) return std::nullopt;
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::find(kUnits.begin(), kUnits.end(), rest.substr(std::min<std::size_t>(1, rest.size())));
  if (!rest.starts_with(' ') || unit == kUnits.end()) return std::nullopt;
  rate.unit = static_cast<int>(unit - kUnits.begin());
  return rate;
}

std::string BitRate::text() const {
  return std::to_string(value) + " " + std::string(kUnits.at(static_cast<std::size_t>(unit)));
}

std::string_view name(PduSessionType type) {
  switch (type) {
    case PduSessionType::ipv4: return "IPV4";
    case PduSessionType::ipv6: return "IPV6";
    case PduSessionType::ipv4v6: return "IPV4V6";
  }
  return "";
}

std::optional<PduSessionType> pdu_session_type_from_name(std::string_view wanted) {
  for (const auto type : {PduSessionType::ipv4, PduSessionType::ipv6, PduSessionType::ipv4v6}) {
    if (name(type) == wanted) return type;
  }
  return std::nullopt;
}

bool is_same_dnn(std::string_view configured, std::string_view asked) {
  return is_equal_without_case(configured, asked) || is_equal_without_case(configured, network_identifier(asked));
}

std::vector<SliceProfile> sessions_of(const BootstrapSubscription& subscription, const SessionFilter& filter) {
  std::vector<SliceProfile> out;
  for (const SliceProfile& slice : subscription.slices) {
    if (filter.snssai && !(*filter.snssai == slice.snssai)) continue;
    SliceProfile fitting{slice.snssai, slice.is_default, {}};
    for (const DnnProfile& dnn : slice.dnns) {
      if (!filter.dnn || is_same_dnn(dnn.name, *filter.dnn)) fitting.dnns.push_back(dnn);
    }
    if (!fitting.dnns.empty()) out.push_back(std::move(fitting));
  }
  return out;
}

}  // namespace ausf_ext

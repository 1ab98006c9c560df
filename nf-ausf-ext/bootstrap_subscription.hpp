#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The subscription that a device has between its second attach and its final one: one profile for all of them, so that AMF and SMF
/// let it reach the RSMF without an entry in the operator's UDR. Pure types; api_bootstrap has the messages of TS 29.503.
namespace ausf_ext {

/// S-NSSAI (TS 23.003, clause 28.4.2). A value.
struct Snssai {
  std::uint8_t sst = 0;
  std::optional<std::uint32_t> sd;  ///< 24 bits; FFFFFF stands for none, and is none here

  /// Nothing unless `digits` is 6 hex digits; no SD (engaged, empty) for ffffff.
  static std::optional<std::optional<std::uint32_t>> sd_from_hex(std::string_view digits);
  /// Six hex digits in lower case; empty without SD.
  [[nodiscard]] std::string sd_hex() const;
  /// `1` or `1-000001`: the key of maps (TS 29.571, clause 5.4.4.2).
  [[nodiscard]] std::string key() const;
  bool operator==(const Snssai&) const = default;
};

/// A rate as `100 Mbps` (TS 29.571, BitRate), of a whole number. A value.
struct BitRate {
  static constexpr std::int64_t kMaxValue = 2147483647;  ///< what Open5GS keeps of it: 32 bits

  std::int64_t value = 1;
  int unit = 0;  ///< 0 bps, 1 Kbps, 2 Mbps, 3 Gbps, 4 Tbps: thousands of thousands

  /// Nothing unless it is a whole number from 1 to kMaxValue, one space, and a unit.
  static std::optional<BitRate> from_text(std::string_view text);
  [[nodiscard]] std::string text() const;
};

struct Ambr {
  BitRate uplink;
  BitRate downlink;
};

/// TS 24.501, clause 9.11.4.11; the numbers are also those of Open5GS' database.
enum class PduSessionType { ipv4 = 1, ipv6 = 2, ipv4v6 = 3 };
/// `IPV4` (TS 29.571, PduSessionType), and back.
std::string_view name(PduSessionType type);
std::optional<PduSessionType> pdu_session_type_from_name(std::string_view name);

/// Allocation and retention priority (TS 23.501, clause 5.7.2.2).
struct RetentionPriority {
  int level = 8;  ///< 1 (the highest) to 15
  bool may_preempt = false;
  bool is_preemptable = true;
};

/// A data network that a device may use in a slice.
struct DnnProfile {
  std::string name;                                ///< network identifier, as configured
  std::vector<PduSessionType> pdu_session_types;   ///< allowed ones; the first is the default
  int ssc_mode = 1;                                ///< 1 to 3; the only one allowed
  int five_qi = 9;                                 ///< of the default QoS flow: not a GBR one
  RetentionPriority retention;
  Ambr session_ambr;
};

struct SliceProfile {
  Snssai snssai;
  bool is_default = false;
  std::vector<DnnProfile> dnns;  ///< the first is the default
};

/// The section `bootstrap_subscription`; immutable once read.
struct BootstrapSubscription {
  // What Open5GS has room for in one subscriber; it asserts beyond.
  static constexpr std::size_t kMaxSlices = 8;
  static constexpr std::size_t kMaxDnns = 4;

  Ambr ue_ambr;
  std::optional<int> rfsp_index;     ///< 1 to 256
  std::vector<SliceProfile> slices;  ///< at least one; at least one default
};

/// True if `asked` names the network of `configured`: labels without regard to case, an operator identifier
/// (`.mnc001.mcc001.gprs`) in `asked` put aside (TS 23.003, clause 9.1).
bool is_same_dnn(std::string_view configured, std::string_view asked);

/// What sm-data is asked for (TS 29.503, clause 6.1.3.8.3.1). Nothing set: everything.
struct SessionFilter {
  std::optional<Snssai> snssai;
  std::optional<std::string> dnn;
};

/// The slices that fit the filter, each with the DNNs that fit; slices without any are left out.
std::vector<SliceProfile> sessions_of(const BootstrapSubscription& subscription, const SessionFilter& filter);

}  // namespace ausf_ext

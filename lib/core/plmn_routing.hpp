#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"

/// Who serves a subscriber: this function, or another AUSF or UDM, by the home PLMN (YAML: `routing`).
namespace core {

/// The service that a request asks for: each NF type may be at another place.
enum class NfKind { ausf, udm };

/// This function serves the subscriber itself.
struct ServedHere {
  bool operator==(const ServedHere&) const = default;
};
/// Others do, in the order in which they are tried. An empty list: that service has no one (504).
struct ServedByPeers {
  std::vector<sbi::Uri> ausf;
  std::vector<sbi::Uri> udm;
};
/// Whoever the NRF names for the subscriber's PLMN.
struct ServedByDiscovery {};
/// Nobody: the answer is this refusal.
struct Refused {
  int status = 403;
  std::string cause;
};
using RoutingTarget = std::variant<ServedHere, ServedByPeers, ServedByDiscovery, Refused>;

/// IMSIs of one length, both ends included.
struct ImsiRange {
  profile::Imsi from;
  profile::Imsi to;
  [[nodiscard]] bool contains(const profile::Imsi& imsi) const {
    return imsi.size() == from.size() && from <= imsi && imsi <= to;
  }
  bool operator==(const ImsiRange&) const = default;
};

/// Subscribers of a PLMN; of them those in a range of IMSIs, or those whose SUCI has a routing indicator.
struct RoutingEntry {
  profile::Plmn plmn;
  std::optional<ImsiRange> imsis;
  std::optional<std::string> routing_indicator;  ///< 1 to 4 digits
  RoutingTarget target;
};

/// A subscriber as far as a request tells. A SUPI has an IMSI alone: where its MNC ends is not known.
struct RoutedSubscriber {
  std::optional<profile::Imsi> imsi;          ///< of a SUPI, or of a SUCI that this function can open
  std::optional<profile::Plmn> home_network;  ///< of a SUCI
  std::string routing_indicator;              ///< of a SUCI
};

/// The table. Immutable; safe to share between threads.
class PlmnRouting {
 public:
  /// Serves everybody here.
  PlmnRouting() = default;
  /// `otherwise`: for those that no entry matches. The entries are without faults (see faults_of).
  PlmnRouting(std::vector<RoutingEntry> entries, RoutingTarget otherwise);

  struct Match {
    const RoutingTarget& target;
    std::optional<profile::Plmn> plmn;  ///< of the entry, or of the SUCI; nothing for a SUPI that no entry matches
  };
  /// The most specific entry: a range of IMSIs (the smaller first), then a routing indicator, then a PLMN, then the default. A SUCI's
  /// PLMN must be the entry's, MNC length and all; of a SUPI the first digits.
  [[nodiscard]] Match find(const RoutedSubscriber& subscriber) const;
  /// Where a request without a subscriber goes (shared data, other kinds of identity).
  [[nodiscard]] const RoutingTarget& otherwise() const noexcept { return otherwise_; }

  /// True if nobody is ever sent elsewhere: then there is nothing to look at.
  [[nodiscard]] bool is_all_here() const noexcept;
  /// True if every IMSI of the range, as a SUPI, is served here.
  [[nodiscard]] bool serves_here(const ImsiRange& range) const;
  /// True if a range of IMSIs could matter to a SUCI of this PLMN: then it is worth opening.
  [[nodiscard]] bool has_ranges_of(const profile::Plmn& plmn) const;

  [[nodiscard]] const std::vector<RoutingEntry>& entries() const noexcept { return entries_; }

 private:
  std::vector<RoutingEntry> entries_;
  RoutingTarget otherwise_ = ServedHere();
};

/// What is wrong with an entry, given those before it.
struct RoutingFault {
  std::size_t entry;  ///< its index
  std::string what;
};
/// Entries that match the same subscribers with the same right, and PLMNs that a SUPI cannot tell apart (901/70 and 901/701).
std::vector<RoutingFault> faults_of(const std::vector<RoutingEntry>& entries);

}  // namespace core

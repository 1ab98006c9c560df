#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"

namespace d_ausf {

/// The peer that changes a vector; nothing for one without a verified certificate, `anonymous`.
using Owner = std::optional<std::string>;

/// dIMSIs of one length, both ends included.
struct DimsiRange {
  profile::DiscoveryImsi from;
  profile::DiscoveryImsi to;

  [[nodiscard]] bool contains(const profile::DiscoveryImsi& dimsi) const {
    return dimsi.imsi().size() == from.imsi().size() && from <= dimsi && dimsi <= to;
  }
};

/// What a target AUSF may do here.
struct OwnerRights {
  std::string peer;                           ///< the name in its certificate; `anonymous` for peers without
  std::optional<sbi::Uri> notification_origin;  ///< where its receipts may go; nothing: nowhere
  std::vector<DimsiRange> ranges;             ///< of dIMSIs; empty: all (`all_dimsis`)
};

/// Who may preload which dIMSIs, and where receipts may be sent: no peer makes this function call an address that its operator did not
/// configure. Immutable.
///
/// Without any entry (a lab): anonymous peers preload what they like, and may have their receipts sent to loopback addresses. With entries:
/// who has none may preload nothing. A peer that is known by its certificate or token needs an entry in any case. Ranges of two peers may overlap, for who will
/// take a device on is not known when dIMSIs are given out; then the first one that preloads a dIMSI has it.
class Owners {
 public:
  Owners() = default;
  explicit Owners(std::vector<OwnerRights> entries) : entries_(std::move(entries)) {}

  /// Throws Error{forbidden, NOT_OWNER} unless the peer may preload, replace and delete the vector of this dIMSI.
  void require_right(const Owner& owner, const profile::DiscoveryImsi& dimsi) const;

  /// Throws Error{bad_request, OPTIONAL_IE_INCORRECT} unless the receipts of the peer's vectors may be sent to this URI.
  void require_destination(const Owner& owner, const std::string& notification_uri) const;

  /// The names of all peers that have an entry, but `anonymous`.
  [[nodiscard]] std::vector<std::string> peers() const;

  /// Where the receipts of all owners go.
  [[nodiscard]] std::vector<sbi::Uri> origins() const;

 private:
  [[nodiscard]] const OwnerRights* find(const Owner& owner) const;

  std::vector<OwnerRights> entries_;
};

}  // namespace d_ausf

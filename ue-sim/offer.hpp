#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/sbi/tls.hpp"
#include "ue-sim/offer_authorizer.hpp"

/// Step (0-d) for a ledger: offers its devices to the target AUSF and sees them through to PRELOADED.
namespace ue_sim {

struct OfferRequest {
  std::string ausf_ext;
  std::string ledger_file;
  std::string dimsi;       ///< only this one; empty: all
  bool is_import = false;  ///< NDJSON to /imports instead of an offer a device
  std::chrono::seconds wait{60};
  std::optional<AuthorizationRequest> authorization;  ///< the service provider's word for each offer; nothing: none is given
  sbi::TlsFiles tls;
};

struct OfferedDevice {
  std::string dimsi;
  std::string state;
  std::string problem;
};

struct OfferReport {
  std::size_t offered = 0;
  std::map<std::string, std::size_t> states;  ///< how many ended in which state
  std::vector<OfferedDevice> devices;         ///< the first ones, and those with a problem; bounded
  double seconds = 0;

  /// True if every one is PRELOADED, or was and went on from there.
  [[nodiscard]] bool is_success() const;
};

/// Throws std::runtime_error if nothing could be offered: a file that cannot be read, a peer that does not answer.
OfferReport offer(const OfferRequest& request);

}  // namespace ue_sim

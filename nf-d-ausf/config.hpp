#pragma once

#include <memory>

#include "lib/aka/suci_concealment.hpp"
#include "lib/base/error.hpp"
#include "lib/core/plmn_routing.hpp"
#include "lib/service/access.hpp"
#include "lib/service/config.hpp"
#include "nf-d-ausf/notify_receipts.hpp"
#include "nf-d-ausf/owners.hpp"

namespace d_ausf {

struct Config {
  service::CommonConfig common;
  core::PlmnRouting routing;  ///< who serves whom
  Owners owners;
  std::vector<service::PeerRights> peers;  ///< who is an access network, an AUSF, another core function
  /// What a synchronisation failure is answered with, and a receipt with it: 504, or 500 (internal).
  base::ErrorKind receipt_answer = base::ErrorKind::gateway_timeout;
  ReceiptLimits receipts;
  /// Of a worker: servings above it are answered, and are not in the vectors' records.
  std::size_t serving_notes_per_second = 200;
  /// What SUCIs of dIMSIs are concealed to; never null.
  std::shared_ptr<const aka::HomeNetworkKeys> home_network_keys = std::make_shared<const aka::HomeNetworkKeys>();
};

/// Who is what: the owners are target AUSFs.
service::Access access_of(const Config& config);

/// Reads config/d-ausf.yaml; faults are noted in its document.
Config read_config(const service::Section& root);

}  // namespace d_ausf

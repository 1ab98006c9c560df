#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/aka/suci_concealment.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/service/access.hpp"
#include "lib/service/config.hpp"
#include "lib/core/plmn_routing.hpp"
#include "nf-ausf-ext/bootstrap_subscription.hpp"
#include "nf-ausf-ext/config_authentication.hpp"
#include "nf-ausf-ext/imsi_pools.hpp"
#include "nf-ausf-ext/providers.hpp"

namespace ausf_ext {

/// An ARPF that this operator relies on; no other is ever called.
struct TrustedArpf {
  std::string uri;             ///< as offers and CERT.ARPF.ECDSA name it
  crypto::Certificate issuer;  ///< the CI that issued CERT.ARPF.ECDSA
};

struct Config {
  service::CommonConfig common;
  service::Access access;  ///< which peer is what
  Providers providers;     ///< which service provider may offer which dIMSIs
  std::shared_ptr<const crypto::KeyEncryptionKey> key_encryption_key;
  std::shared_ptr<const crypto::KeyEncryptionKey> former_key_encryption_key;  ///< while keys are sealed anew; null: none
  std::optional<crypto::Certificate> operator_certificate;  ///< CERT.MNO
  std::shared_ptr<const crypto::PrivateKey> operator_key;
  std::vector<TrustedArpf> arpfs;
  /// What SUCIs of allocated IMSIs are concealed to; never null.
  std::shared_ptr<const aka::HomeNetworkKeys> home_network_keys = std::make_shared<const aka::HomeNetworkKeys>();
  sbi::Uri d_ausf;
  std::optional<sbi::Uri> notification_uri;  ///< of this function's own SBI, for the D-AUSF; nothing: no word of receipts
  std::string rsmf_uri;
  sbi::TlsFiles rsmf_tls;  ///< of notifications; empty: no certificate of our own, and the system's CAs
  std::vector<ImsiPool> pools;
  std::chrono::seconds quarantine{0};
  std::chrono::seconds device_lifetime{0};
  std::chrono::milliseconds offer_wait{0};
  std::chrono::milliseconds first_pause{0};
  std::chrono::milliseconds longest_pause{0};
  std::chrono::milliseconds silent_after{3000};  ///< a peer from which nothing was heard for so long while it was asked (SilentPeers)
  std::chrono::seconds context_lifetime{0};
  std::size_t max_in_flight = 0;
  AuthenticationConfig authentication;
  core::PlmnRouting routing;  ///< who serves whom
  std::optional<BootstrapSubscription> bootstrap_subscription;  ///< nothing: nudm-sdm and nudm-uecm are not served
};

/// Reads config/ausf-ext.yaml; faults are noted in its document.
Config read_config(const service::Section& root);

}  // namespace ausf_ext

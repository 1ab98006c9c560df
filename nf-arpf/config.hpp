#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/service/access.hpp"
#include "lib/service/config.hpp"
#include "nf-arpf/release_ephemeral_key.hpp"

namespace arpf {

struct Config {
  service::CommonConfig common;
  std::shared_ptr<const Trust> trust;
  std::map<std::string, std::string> operators_by_peer;  ///< name in the TLS client certificate -> operator id
  std::set<std::string> administrators;                  ///< names in TLS client certificates
};

/// Who is what, for the guard of the routes.
service::Access access_of(const Config& config);

/// `arpf: offer_authorization`: with it, no key is released without the word of one of these; nothing if it is absent. Faults are noted in
/// the section's document.
std::optional<std::vector<OfferSigner>> read_offer_signers(const service::Section& arpf);

/// Reads config/arpf.yaml; faults are noted in its document.
Config read_config(const service::Section& root);

}  // namespace arpf

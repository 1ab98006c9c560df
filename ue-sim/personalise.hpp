#pragma once

#include <cstdint>
#include <string>

#include "lib/sbi/tls.hpp"
#include "ue-sim/secure_element.hpp"

/// Steps (0-a) to (0-c) for a batch of devices: a device file for the simulator, a ledger for the service provider.
namespace ue_sim {

struct PersonaliseRequest {
  std::string pki;
  std::string first_dimsi;
  std::uint64_t count = 1;
  std::string device_file;
  std::string ledger_file;
  std::string arpf;              ///< URI to fetch CERT.ARPF.ECKA from, or:
  std::string arpf_certificate;  ///< its file
  std::string arpf_uri;          ///< what the offers name; empty: `arpf`
  sbi::TlsFiles tls;
};

struct Personalised {
  std::uint64_t devices = 0;
  std::string arpf_key_id;  ///< hex
  double seconds = 0;
};

/// The dIMSI that is `index` after the first, of the same length. Throws std::runtime_error if there is none.
profile::DiscoveryImsi dimsi_after(const std::string& first, std::uint64_t index);

/// Streams: memory stays bounded whatever the count. The files appear whole, or not at all; old ones are replaced.
/// Throws std::runtime_error.
Personalised personalise(const PersonaliseRequest& request);

}  // namespace ue_sim

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/sbi/tls.hpp"

/// Devices through all steps, 0-a to 11, against running functions, with every claim on the way checked.
namespace ue_sim {

struct DemoRequest {
  std::string pki;
  std::string arpf;
  std::string arpf_uri;  ///< what the offers name; empty: `arpf`
  std::string d_ausf;
  std::string ausf_ext;
  std::string rsmf;  ///< the RSMF's /notifications
  std::string first_dimsi = "901700000000001";
  std::uint64_t count = 1;
  std::string serving_network_name = "5G:mnc001.mcc001.3gppnetwork.org";
  std::size_t dimsi_mnc_length = 2;
  std::string home_network_key;       ///< of the D-AUSF, ID:SCHEME:FILE; empty: the dIMSI goes in the null scheme
  std::string imsi_home_network_key;  ///< of the target AUSF, for the IMSI; likewise
  std::size_t parallel = 64;
  std::chrono::seconds deadline{30};  ///< of each wait for a state
  bool is_until_preloaded = false;    ///< stop after step 2
  bool is_retire_skipped = false;     ///< stop after the notification of step 11
  bool is_receipt_sent = true;
  sbi::TlsFiles tls;
};

/// A message of the ladder, and what was proved with it.
struct LadderLine {
  std::string step;
  std::string from;
  std::string to;
  std::string message;
  std::string status;
  std::vector<std::string> proved;
};

struct DemoDevice {
  std::string dimsi;
  std::string imsi;
  std::size_t proofs = 0;   ///< that held
  std::string failed_step;  ///< empty: everything held
  std::string problem;
};

struct DemoReport {
  std::vector<LadderLine> ladder;  ///< of the first device
  std::vector<DemoDevice> devices;
  double seconds = 0;

  [[nodiscard]] std::size_t proofs() const;
  [[nodiscard]] std::size_t failures() const;
};

/// Throws std::runtime_error if it cannot begin: a file, a URI, CERT.ARPF.ECKA.
DemoReport demonstrate(const DemoRequest& request);

}  // namespace ue_sim

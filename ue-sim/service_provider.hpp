#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "ue-sim/network.hpp"
#include "ue-sim/secure_element.hpp"

/// The service provider: steps (0-a) and (0-d).
namespace ue_sim {

/// Step (0-a): GET the ARPF's certificates, and of those with usage ECKA the first that verifies under `issuer`.
/// Throws std::runtime_error that says why there is none.
boost::asio::awaitable<crypto::Certificate> fetch_agreement_certificate(Network& network, sbi::Uri arpf,
                                                                        crypto::Certificate issuer);

/// {token, seCertificate, pnCertificate, ciCertificate} in base64.
nlohmann::ordered_json se_credentials(const Device& device, const PartNumber& part_number);

/// One line of a ledger without its end, which is a line of an import as well: {dimsi, arpfs: [{uri, seCredentials}]}.
nlohmann::ordered_json to_offer(const Device& device, const PartNumber& part_number, const std::string& arpf_uri);

/// A device as the target AUSF shows it (PROTOCOL.md, section 8.3).
struct DeviceView {
  int status = 0;  ///< of the answer
  std::string state;
  std::string imsi;
  std::string problem;                                       ///< in words; empty if there is none
  std::vector<std::pair<std::string, std::string>> history;  ///< state and time

  [[nodiscard]] bool has_been(const std::string& wanted) const;
};

/// Reads the device out of an answer; of a refusal the status and its problem.
DeviceView read_device_view(const Answer& answer);

/// Step (0-d): PUTs the offer.
boost::asio::awaitable<DeviceView> offer_device(Network& network, sbi::Uri ausf_ext, std::string dimsi,
                                                std::string body);

boost::asio::awaitable<DeviceView> get_device(Network& network, sbi::Uri ausf_ext, std::string dimsi);

/// Asks again and again, with growing pauses, until the device has been in one of `states` or the time is up; the last
/// view.
boost::asio::awaitable<DeviceView> wait_for_state(Network& network, sbi::Uri ausf_ext, std::string dimsi,
                                                  std::set<std::string> states,
                                                  std::chrono::steady_clock::time_point deadline);

/// Step (11), as the RSMF does it: POST retire.
boost::asio::awaitable<Answer> retire_device(Network& network, sbi::Uri ausf_ext, std::string dimsi);

}  // namespace ue_sim

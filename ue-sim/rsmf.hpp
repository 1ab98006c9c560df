#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/sbi/router.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/service/run.hpp"

/// A Remote SIM Management Function for labs: takes the target AUSF's notifications, step (11).
namespace ue_sim {

struct RsmfRequest {
  std::string address;
  std::uint16_t port = 0;
  std::string ausf_ext;      ///< for retiring; may be empty otherwise
  bool is_retiring = false;  ///< answer every notification with POST retire
  bool is_json = false;      ///< what is printed
  sbi::TlsFiles tls;         ///< of calls to ausf_ext
  bool may_be_in_clear = false;  ///< the endpoint, beyond loopback
  sbi::TlsFiles server_tls;  ///< of the endpoint, which then is HTTP/2 over TLS; without a certificate it is HTTP/1.1 in clear
};

/// {dimsi, imsi, servingNetworkName, at}: a device has its IMSI in use.
struct Notification {
  std::string dimsi;
  std::string imsi;
  std::string serving_network_name;
  std::string at;
};

/// `ADDRESS:PORT`, IPv6 in brackets; throws std::runtime_error for anything else.
void read_address(const std::string& text, RsmfRequest& request);

/// The RSMF's endpoint on one loop: POST and GET /notifications. Keeps the last kMaxNotifications.
class Rsmf {
 public:
  static constexpr std::size_t kMaxNotifications = 100000;

  /// The worker outlives it.
  Rsmf(const RsmfRequest& request, service::Worker& worker);
  void add_routes(sbi::Router& router);

 private:
  sbi::Response take(const sbi::Request& request);
  [[nodiscard]] sbi::Response list(const sbi::Request& request) const;
  void say(const std::string& dimsi, const char* event, const std::string& text) const;
  void retire_next();
  static boost::asio::awaitable<void> retire(Rsmf& self, std::string dimsi);

  const RsmfRequest& request_;
  service::Worker& worker_;
  std::deque<Notification> notifications_;
  std::deque<std::string> to_retire_;
  std::size_t retiring_ = 0;
};

/// The endpoint as a function that service::Running runs; `request` must outlive it.
service::Function make_rsmf(const RsmfRequest& request);

/// As for the functions: throws std::runtime_error, with what to say, for an endpoint in clear beyond loopback unless it is meant.
void require_safe_listener(const RsmfRequest& request);

/// Serves until SIGTERM or SIGINT. Throws std::runtime_error if the address is taken, and as require_safe_listener().
void run_rsmf(const RsmfRequest& request);

}  // namespace ue_sim

#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "lib/sbi/tls.hpp"

namespace ue_sim {

/// Reads an RSMF's list of notifications again and again, on a thread of its own: an ordinary web server, so libcurl
/// and HTTP/1.1 or, over TLS, what the server has, with a new connection each time.
class RsmfReader {
 public:
  RsmfReader(std::string url, sbi::TlsFiles tls);
  ~RsmfReader();
  RsmfReader(const RsmfReader&) = delete;
  RsmfReader& operator=(const RsmfReader&) = delete;

  /// True if a notification with this dIMSI and IMSI is among them.
  [[nodiscard]] bool has(const std::string& dimsi, const std::string& imsi) const;
  /// Why the last attempt to read failed; empty if it did not.
  [[nodiscard]] std::string fault() const;

 private:
  void read_until_stopped();
  void read_once();

  const std::string url_;
  const sbi::TlsFiles tls_;
  mutable std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> notified_;
  std::string fault_;
  std::atomic<bool> is_stopped_ = false;
  std::thread thread_;
};

}  // namespace ue_sim

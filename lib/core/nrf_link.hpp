#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/core/nrf_settings.hpp"
#include "lib/sbi/message.hpp"

namespace core {

/// No NRF gave an answer that is one.
class NrfUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr const char* kPatchJson = "application/json-patch+json";

struct NrfRequest {
  std::string method;
  std::string target;  ///< appended to the path of the NRF's URI
  std::string body;
  std::string content_type = sbi::kJson;  ///< of the body, if there is one
  /// Goes even to an NRF in its pause, if no other answers: for whoever makes pauses of its own.
  bool is_paced = false;
};

/// The NRFs of the configuration. A request goes to the first one that is not in a pause, then to the next: so whoever
/// sends need not know which one answers, and comes back to the first when that does. An NRF that cannot be reached, or hangs, gets
/// a pause that grows with each time. One that answers 5xx, or breaks off, gets none: it may be well but for this one request.
/// Of one loop's thread.
class NrfLink {
 public:
  /// Client and settings must outlive every send(); see close().
  NrfLink(sbi::Client& client, const NrfSettings& settings);

  /// The first answer that an NRF gives, but for 5xx, 408 and 429: then the next one is asked. Throws NrfUnavailable if there
  /// is none; at once, if every NRF is in a pause.
  boost::asio::awaitable<sbi::Response> send(NrfRequest request);

  /// Nothing is sent any more: the client may go. What is under way ends with NrfUnavailable.
  void close() { is_closed_ = true; }

 private:
  struct Nrf {
    sbi::Uri uri;
    std::chrono::steady_clock::time_point silent_until;
    int silences = 0;  ///< in a row
  };
  boost::asio::awaitable<bool> try_one(Nrf& nrf, const NrfRequest& request, sbi::Response& answer, std::string& failures);
  void note_silence(Nrf& nrf, const std::string& why);

  sbi::Client& client_;
  const NrfSettings& settings_;
  std::vector<Nrf> nrfs_;
  bool is_closed_ = false;
};

/// The pauses of something that runs by itself until it is stopped. Of one loop's thread.
class NrfPause {
 public:
  explicit NrfPause(boost::asio::io_context& loop) : timer_(loop) {}

  /// Returns when the time is over, or at once when wake() or stop() is or was called since the last pause.
  boost::asio::awaitable<void> rest(std::chrono::milliseconds pause);
  void wake();
  void stop();
  [[nodiscard]] bool is_stopped() const { return is_stopped_; }

 private:
  boost::asio::steady_timer timer_;
  bool is_woken_ = false;
  bool is_stopped_ = false;
};

}  // namespace core

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/sbi/client.hpp"
#include "lib/sbi/problem.hpp"
#include "lib/sbi/tls.hpp"

namespace ue_sim {

/// An answer, whatever its status. Its body may hold keys: it is wiped with it.
struct Answer {
  explicit Answer(sbi::Response from) : response(std::move(from)) {}
  Answer(Answer&&) = default;
  Answer& operator=(Answer&&) = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer();

  [[nodiscard]] int status() const noexcept { return response.status; }
  [[nodiscard]] bool is_success() const noexcept { return response.status >= 200 && response.status < 300; }
  /// The body as JSON. Throws std::runtime_error if it is none.
  [[nodiscard]] nlohmann::json json() const;
  /// `404 USER_NOT_FOUND`, with the detail of a problem where there is one.
  [[nodiscard]] std::string summary() const;
  /// `cause` of a problem, else empty.
  [[nodiscard]] std::string cause() const;

  sbi::Response response;
};

/// The simulator's side of the network: one loop and an HTTP/2 client, whose one connection an origin carries all
/// requests in flight. (Never libcurl for this: 7.88, as in Debian 12, breaks every reused cleartext HTTP/2
/// connection.)
class Network {
 public:
  /// `deadline`: for each request. Throws std::runtime_error that names a TLS file at fault.
  Network(const sbi::TlsFiles& tls, std::chrono::milliseconds deadline);

  /// Sends a request to `uri.path + suffix`. Throws sbi::ClientError, whose text names the request, if no answer came.
  boost::asio::awaitable<Answer> exchange(const char* method, sbi::Uri uri, std::string suffix,
                                          std::string json_body = {});
  /// As above, with a body of NDJSON.
  boost::asio::awaitable<Answer> post_lines(sbi::Uri uri, std::string suffix, std::string lines,
                                            std::chrono::milliseconds deadline);

  /// Waits.
  static boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

  using Work = std::function<boost::asio::awaitable<void>(std::size_t index)>;
  /// Runs `work` for each index below `count`, at most `parallel` at a time, and returns when all have ended. Throws
  /// the first exception that a work threw, and begins no further one then.
  void run(std::size_t count, std::size_t parallel, const Work& work);

 private:
  boost::asio::awaitable<Answer> send(sbi::Uri uri, sbi::Request request, std::chrono::milliseconds deadline);
  boost::asio::io_context loop_{1};
  sbi::Client client_;
  std::chrono::milliseconds deadline_;
};

/// `path` under `base`: an absolute URI as it is, a path at the origin of `base`.
sbi::Uri resolve(const sbi::Uri& base, const std::string& reference);

}  // namespace ue_sim

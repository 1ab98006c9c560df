#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

/// libcurl, for ordinary web servers: the RSMF's URL, which may speak any HTTP version. Proxies of the environment are not used.
/// But SSLKEYLOGFILE of the environment is, when the first client of a process is made: a program takes it out before (service::main).
namespace web {

/// No answer came, or none that is whole: not resolved, refused, timed out, TLS failed, broken off, a body of more than 1 MiB. The text says
/// which, and names the URL.
class HttpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TlsFiles {
  std::string certificate;  ///< PEM, may be empty
  std::string private_key;
  std::string ca;           ///< PEM; empty: the system's
};

/// Sends requests through libcurl's multi interface on a thread of its own; the callers wait as coroutines on any loop.
class HttpClient {
 public:
  explicit HttpClient(TlsFiles tls);
  /// Gives up what is under way: its callers get HttpError, if their loop still runs.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// POSTs a JSON text and returns the status of the answer, whose body is not kept. Redirects are not followed.
  /// Throws HttpError if none came, to its end, within `deadline`.
  boost::asio::awaitable<int> post_json(std::string url, std::string json, std::chrono::milliseconds deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace web

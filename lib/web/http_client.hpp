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

/// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  ///< chain, leaf first; may be empty
  std::string private_key;  ///< mode 0600 or stricter (base::read_secret_file)
  std::string ca;           ///< whom to trust, and nobody else; empty: those whom the system trusts
};

/// Sends requests through libcurl's multi interface on a thread of its own; the callers wait as coroutines on any loop.
class HttpClient {
 public:
  /// Reads the files. Throws std::runtime_error that names one which cannot be read, or a key that others may read.
  explicit HttpClient(const TlsFiles& tls);
  /// Gives up what is under way: its callers get HttpError, if their loop still runs.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Reads the files anew, for requests that begin from now on: connections that showed another certificate, or trusted another CA, are not used for them.
  /// Those under way go on. Throws as the constructor does; then nothing has changed. From any thread.
  void use_tls(const TlsFiles& tls);

  /// POSTs a JSON text and returns the status of the answer, whose body is not kept. Redirects are not followed.
  /// Throws HttpError if none came, to its end, within `deadline`.
  boost::asio::awaitable<int> post_json(std::string url, std::string json, std::chrono::milliseconds deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace web

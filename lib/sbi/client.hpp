#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/sbi/http2_session.hpp"
#include "lib/sbi/message.hpp"

namespace boost::asio::ssl {
class context;
}

namespace sbi {

/// An absolute http or https URI, split. The path has no trailing slash, so that resources are appended.
struct Uri {
  std::string scheme;
  std::string host;  ///< a name or an address; IPv6 without brackets
  std::string port;
  std::string path;

  /// Throws std::invalid_argument that says what is wrong (no scheme, user information, a query, ...).
  static Uri parse(std::string_view text);
  [[nodiscard]] std::string authority() const;
  /// `scheme://authority`
  [[nodiscard]] std::string origin() const { return scheme + "://" + authority(); }
};

/// No answer came. The request may or may not have been carried out.
class ClientError : public std::runtime_error {
 public:
  enum class Kind { unreachable, timeout, broken };
  ClientError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

struct ClientLimits {
  std::size_t max_body_bytes = 4 * 1024 * 1024;  ///< of a response
  Http2Session::Limits http2;
};

/// The HTTP/2 client of one loop: a connection an origin, shared by all requests to it as streams; connected again when it
/// breaks, a request that the peer refused (GOAWAY, REFUSED_STREAM) sent once more. Cleartext with prior knowledge, or TLS with ALPN.
/// Belongs to its loop's thread.
class Client {
 public:
  /// `tls` is for https origins; null: https is refused. `name` is the User-Agent (TS 29.500, 5.2.2.2: the NF type).
  Client(boost::asio::io_context& loop, std::string name, std::shared_ptr<boost::asio::ssl::context> tls,
         ClientLimits limits = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends the request (see make_request) to the origin of `uri` and waits for the whole answer, whatever its status.
  /// Throws ClientError if none came within `deadline`.
  boost::asio::awaitable<Response> send(Uri uri, Request request, std::chrono::milliseconds deadline);

  /// Closes all connections.
  void close();

 private:
  class Connection;
  struct Call;
  struct State;
  std::shared_ptr<State> state_;
};

/// A request to `uri.path + suffix`; a body is JSON.
Request make_request(std::string method, const Uri& uri, std::string_view suffix, std::string json_body = {});

}  // namespace sbi

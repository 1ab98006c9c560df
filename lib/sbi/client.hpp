#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sbi/http2_session.hpp"
#include "lib/sbi/message.hpp"
#include "lib/sbi/router.hpp"
#include "lib/sbi/uri.hpp"

namespace boost::asio::ssl {
class context;
}

namespace sbi {

/// No answer came. The request may or may not have been carried out.
class ClientError : public std::runtime_error {
 public:
  enum class Kind { unreachable, timeout, broken };
  ClientError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// Where the access tokens of a client's requests come from (TS 29.500, 6.7.3). On the client's loop.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// The value of the authorization header for a request to that service (`nudm-ueau`); empty: it needs none. Throws base::Error if there is
  /// none to be had.
  virtual boost::asio::awaitable<std::string> authorization(std::string service) = 0;
  /// A peer answered 401 to this value.
  virtual void refused(const std::string& service, const std::string& authorization) = 0;
};

struct ClientLimits {
  std::size_t max_body_bytes = 4 * 1024 * 1024;  ///< of a response that is read whole
  std::chrono::milliseconds connect_timeout{3000};  ///< TCP, and TLS with it
  bool may_call_in_clear = true;  ///< http origins beyond loopback, whoever named them; else a request to one fails (unreachable)
  Http2Session::Limits http2;
};

/// The HTTP/2 client of one loop: a connection an origin, shared by all requests to it as streams; connected again when it
/// breaks, or when a request ran into its deadline and nothing at all came from the peer since it was sent. A request that the
/// peer refused (GOAWAY, REFUSED_STREAM) is sent once more. Cleartext with prior knowledge, or TLS with ALPN.
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
  /// Throws ClientError if none came within `deadline`, or if it needs an access token and there is none (unreachable).
  boost::asio::awaitable<Response> send(Uri uri, Request request, std::chrono::milliseconds deadline);

  /// As above, but returns with the head of the answer, whose body then comes through its `stream` as it is read, whatever its
  /// length. `body`, if not null, is sent instead of the request's own, as it comes. `deadline` is for the head; later each
  /// piece must come within it (a ClientError of the stream). What has begun to be sent in pieces is not sent a second time.
  boost::asio::awaitable<Response> open(Uri uri, Request request, std::shared_ptr<BodyReader> body,
                                        std::chrono::milliseconds deadline);

  /// From now on every request goes to the service communication proxy at `scp`, with the origin that it is meant for in
  /// 3gpp-Sbi-Target-apiRoot (TS 29.500, 6.10.2.4), unless it goes to the SCP itself, or to one of `direct`: peers that are no part of
  /// the core.
  void use_scp(Uri scp, const std::vector<Uri>& direct = {});

  /// Connections that are made from now on use this context; those that are open go on with theirs.
  void use_tls(std::shared_ptr<boost::asio::ssl::context> tls);

  /// From now on send() puts an access token on each request that has none, and asks for a fresh one and tries again, once, after a 401.
  /// Must live as long as the client. What is relayed by open() keeps the token of whoever sent it.
  void authorize_by(Authorizer& authorizer);

  /// Closes all connections.
  void close();

 private:
  class Connection;
  class AnswerBody;
  struct Call;
  struct State;
  static boost::asio::awaitable<std::shared_ptr<Call>> exchange(std::shared_ptr<State> state, Uri uri, Request request,
                                                                std::shared_ptr<BodyReader> body, bool is_streamed,
                                                                std::chrono::milliseconds deadline);
  /// As exchange(), of a whole answer, with an access token.
  static boost::asio::awaitable<std::shared_ptr<Call>> exchange_authorized(std::shared_ptr<State> state, Uri uri, Request request,
                                                                           std::string service, std::chrono::milliseconds deadline);
  static boost::asio::awaitable<void> pass_on(std::shared_ptr<Call> call, std::shared_ptr<BodyReader> body);
  std::shared_ptr<State> state_;
};

/// A request to `uri.path + suffix`; a body is JSON.
Request make_request(std::string method, const Uri& uri, std::string_view suffix, std::string json_body = {});

}  // namespace sbi

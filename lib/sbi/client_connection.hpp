#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_session.hpp"
#include "lib/sbi/transport.hpp"
#include "lib/sbi/turns.hpp"

/// Internal to the HTTP/2 client: its requests under way, and its connections.

namespace sbi {

/// A request under way; it outlives its stream and its connection.
struct Client::Call {
  Call(boost::asio::io_context& io, Instant deadline) : loop(io), timer(io, deadline), room(io, Instant::max()) {}

  enum class Outcome { none, answered, refused, failed };

  /// The head of a streamed answer, or the end of any. For a streamed one the body may still fail afterwards.
  void finish(Outcome how) {
    if (outcome == Outcome::none) outcome = how;
    if (how != Outcome::answered) is_broken = true;
    timer.cancel();
    room.cancel();
  }

  boost::asio::io_context& loop;
  Request request;
  Response response;
  bool is_streamed = false;   ///< finished by its head; the body is read through AnswerBody
  bool is_piecewise = false;  ///< the request's body comes through a BodyReader
  Outcome outcome = Outcome::none;
  bool is_body_complete = false;  ///< of a streamed answer
  bool is_broken = false;         ///< no more of it will come
  std::string failure;
  boost::asio::steady_timer timer;  ///< deadline and wake-up in one
  boost::asio::steady_timer room;   ///< cancelled when the peer has taken some of a request's body
  std::weak_ptr<Connection> connection;
  StreamId stream = 0;
  Instant sent_at;  ///< once it has a stream
};

/// What the connections of one client share.
struct Client::State {
  State(boost::asio::io_context& io, std::string agent, std::shared_ptr<boost::asio::ssl::context> context, ClientLimits allowed)
      : loop(io), name(std::move(agent)), tls(std::move(context)), limits(allowed) {}

  boost::asio::io_context& loop;
  std::string name;
  std::shared_ptr<boost::asio::ssl::context> tls;
  Authorizer* authorizer = nullptr;
  ClientLimits limits;
  std::optional<Uri> scp;
  std::set<std::string> direct;  ///< origins that are not reached through the SCP
  std::map<std::string, std::shared_ptr<Connection>> connections;  ///< by origin
  static constexpr std::size_t kReadBufferBytes = 64 * 1024;  ///< one for all connections of a loop
  std::vector<char> read_buffer = std::vector<char>(kReadBufferBytes);  ///< holds octets within one turn only
};

/// One connection to an origin, and the calls on it.
class Client::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<State> client, const Uri& uri);

  void connect();
  [[nodiscard]] bool takes_calls() const { return !is_closed_ && !is_leaving_; }
  /// Takes the call as soon as it is connected.
  void add(const std::shared_ptr<Call>& call);
  void abandon(StreamId stream);
  /// After a wait that was in vain: if the peer sent nothing at all since it began, the connection is taken for dead. It gets no more
  /// calls, and closes after the last one that it has.
  void doubt(Instant since);

  /// The next octets of a request's body that comes in pieces; nothing ends it.
  void send(StreamId stream, const std::optional<std::string>& octets);
  [[nodiscard]] std::size_t unsent(StreamId stream) const { return is_closed_ ? 0 : session_.unsent(stream); }
  /// Gives window back for octets of a streamed answer that its reader has taken.
  void consumed(StreamId stream, std::size_t octets);

  void close(Call::Outcome outcome, const std::string& why);

 private:
  // Its life.
  void secure();
  void begin();
  void close_in_time();

  // Its calls.
  Http2Session::Events events();
  static void fail(const std::shared_ptr<Call>& call, Call::Outcome outcome, const std::string& why);
  void submit(const std::shared_ptr<Call>& call);
  void on_head(StreamId id, Http2Session::Head& head);
  void on_data(StreamId id, std::string_view octets);
  void give_up(StreamId id, const char* why);
  void on_end(StreamId id);
  void on_closed(StreamId id, std::uint32_t error);
  void on_goaway(StreamId last);
  void wake_bodies();

  // Its octets.
  void read(Transport::Next next = Transport::Next::readable);
  void on_readable();
  void receive(std::span<char> octets);
  void schedule_flush();
  void flush();
  void wait_to_write(Transport::Next next);

  std::shared_ptr<State> client_;
  Uri uri_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer connect_timer_;  ///< of the connecting, later of the closing
  Transport transport_;
  Http2Session session_;
  std::vector<std::shared_ptr<Call>> waiting_;  ///< for the connection
  std::unordered_map<StreamId, std::shared_ptr<Call>> calls_;
  std::vector<StreamId> piecewise_;  ///< calls whose request body comes in pieces; some may have ended
  std::string out_;  ///< what the peer did not take yet
  bool is_ready_ = false;
  Instant last_received_;
  bool is_leaving_ = false;  ///< takes no more calls
  bool is_silent_ = false;   ///< leaving because the peer is taken for dead
  bool is_writing_ = false;
  bool is_flush_scheduled_ = false;
  bool is_closed_ = false;
};

}  // namespace sbi

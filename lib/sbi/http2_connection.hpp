#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/sbi/http2_exchange.hpp"
#include "lib/sbi/http2_server_state.hpp"
#include "lib/sbi/http2_session.hpp"
#include "lib/sbi/transport.hpp"

namespace sbi {

/// Internal to the HTTP/2 server: one connection. Its life and its octets are in http2_connection.cpp, its requests and answers in
/// http2_requests.cpp.
///
/// Who sends requests has its turn as soon as there is something to read. Others stand back (Http2Server::State::stand_back): new
/// connections, TLS handshakes, those that sent no whole request in their last turns, be it that they are slow or that they mean no good,
/// and those of a peer that has had more of the loop's time than others beside it.
class Http2Server::Connection : public std::enable_shared_from_this<Connection>, public TurnGiver {
 public:
  Connection(std::shared_ptr<State> server, Transport transport, std::string address);

  void start();
  /// Its turn in the back row, for which it has waited since `since`.
  void have_turn(Instant since);
  /// Once a second: ends what has waited too long. True if that was the connection.
  bool check_deadlines(Instant at);
  void drain();
  void close();
  /// Closed for a limit.
  static void give_way(Connection& connection);
  /// The same, and its peer is told that what is on its way was not looked at (GOAWAY). Not from within a turn of it.
  static void send_away(Connection& connection);
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  /// Its peer has ended it, and nobody waits for its turn.
  [[nodiscard]] bool is_gone() const { return is_gone_; }
  /// True if the peer has reset it, which ends it here too.
  bool ends_if_gone() {
    if (!transport_.is_gone()) return false;
    close();
    return true;
  }

  /// TurnGiver: that of this peer.
  boost::asio::awaitable<void> later_turn() override { return server_->later->wait(*share_); }
  /// Gives window back for octets of a streamed body that the handler has taken.
  void consumed(StreamId stream, std::size_t octets);
  /// By which connections belong together: the name in the certificate, else the address.
  [[nodiscard]] std::string peer_key() const { return peer_.is_verified ? peer_.name : address_.substr(0, address_.rfind(':')); }
  /// What that peer takes of the loop's time.
  [[nodiscard]] PeerShares::Share& share() const { return *share_; }
  /// How many connections that peer has, this one counted.
  [[nodiscard]] std::size_t siblings() const { return PeerShares::connections_of(share_); }
  /// It speaks HTTP/2, and has not ended.
  [[nodiscard]] bool is_serving() const { return session_.has_value() && !is_gone_; }
  /// Something that the peer was sent has not been taken by it.
  [[nodiscard]] bool is_writing() const { return is_writing_; }
  [[nodiscard]] std::chrono::seconds request_timeout() const { return server_->limits.request_timeout; }

  std::size_t half_open_ = 0;  ///< requests that have begun and not ended
  std::size_t buffered_ = 0;   ///< octets of bodies

 private:
  // Its life.
  void wait(Transport::Next next);
  void on_ready();
  /// A step of the TLS handshake, which counts for the peer's share. True once it is done.
  bool have_hands_shaken();
  bool shake_hands();
  bool learn_peer();
  void begin();
  void stand_in(std::list<Connection*>* list);
  void end_saying(const std::string& why);
  bool end_if_idle(Instant at);

  // Its octets.
  void on_readable(Instant since, Instant began);
  void take_turn();
  void receive(std::span<char> octets);
  void schedule_flush();
  void flush();
  void keep_unwritten(std::string_view out, const Transport::Moved& moved);
  void write_on(Transport::Next next);
  void on_writable();

  // Its requests, and their answers.
  Http2Session::Events events();
  [[nodiscard]] std::shared_ptr<Exchange> exchange_of(StreamId id) const {
    return std::static_pointer_cast<Exchange>(session_->context(id));
  }
  void on_head(StreamId id, Http2Session::Head& head);
  void accept_head(Exchange& exchange, bool headers_too_large);
  void on_data(StreamId id, std::string_view octets);
  void on_end(StreamId id);
  void on_closed(StreamId id);
  void dispatch(const std::shared_ptr<Exchange>& exchange);
  static boost::asio::awaitable<void> serve_and_answer(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange);
  void refuse(const std::shared_ptr<Exchange>& exchange, const base::Error& error);
  void answer(const std::shared_ptr<Exchange>& exchange, Response response);
  static boost::asio::awaitable<void> pass_on(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange);
  boost::asio::awaitable<void> wait_for_room(std::shared_ptr<Exchange> exchange);
  void wake_sources();
  void check_progress(Exchange& exchange, Instant at);
  void count_half_open(Exchange& exchange);
  void uncount_half_open(Exchange& exchange);
  void count(std::size_t octets);
  void uncount(std::size_t octets);
  static void release(Exchange& exchange);
  void abandon(Exchange& exchange);

  /// So many turns in a row may bring no whole request (an acknowledgement, a window, the first part of a body), or it stands back.
  static constexpr unsigned kIdleTurns = 2;

  std::shared_ptr<State> server_;
  Transport transport_;
  std::optional<Http2Session> session_;  ///< from the first octets on, or the end of the TLS handshake: who says nothing costs little
  std::string address_;
  Peer peer_;
  std::size_t exchanges_ = 0;  ///< open: a header block that has not ended is none
  std::string unwritten_;      ///< what the peer did not take yet
  Instant deadline_;           ///< while there are no exchanges
  Instant write_deadline_;
  std::size_t sources_ = 0;  ///< answers whose body comes in pieces
  std::size_t turn_octets_ = 0;                   ///< read in a turn
  Round::Number last_round_ = 0;                  ///< in which it had a turn
  unsigned idle_turns_ = kIdleTurns;              ///< in a row, without the end of a request
  std::shared_ptr<PeerShares::Share> share_;      ///< by its address, until its name is known
  std::shared_ptr<RequestRates::Bucket> bucket_;  ///< null: no limit
  std::list<Connection*> aside_{this};            ///< where it stands when it is in no list of the server; moved from there and back
  std::list<Connection*>* list_ = &aside_;
  const std::list<Connection*>::iterator place_ = aside_.begin();
  bool has_said_hello_ = false;  ///< the TLS handshake has had its first turn
  bool is_writing_ = false;
  bool is_in_turn_ = false;
  bool is_flush_scheduled_ = false;
  bool is_ending_ = false;  ///< closes after the last stream
  bool is_broken_ = false;  ///< closes after the last octet
  bool is_gone_ = false;    ///< its peer has ended it: closes at its next turn
  bool is_closed_ = false;
};

}  // namespace sbi

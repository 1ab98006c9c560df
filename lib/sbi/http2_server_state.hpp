#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/seldom_log.hpp"
#include "lib/sbi/arrivals.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/later_turns.hpp"
#include "lib/sbi/peer_shares.hpp"
#include "lib/sbi/request_rates.hpp"
#include "lib/sbi/turns.hpp"

/// Internal to the HTTP/2 server: its listeners, and who has a turn when.

namespace sbi {

/// What the connections of one server share, so that none of them needs the server itself. `self`: this state, for what happens later.
struct Http2Server::State {
  State(boost::asio::io_context& io, const Router& routes, const ServerLimits& allowed);

  void accept(const std::shared_ptr<State>& self, std::size_t listener);
  /// Begins the next second: deadlines, rates, listeners that could not accept.
  void run_tick(const std::shared_ptr<State>& self);

  /// The connection has its turn behind those that are served at once. `begins_handshake`: of TLS, for which it has to wait for
  /// max_handshakes_per_second as well.
  void stand_back(const std::shared_ptr<State>& self, std::shared_ptr<Connection> connection, bool begins_handshake);

  /// A batch of that peer's turn has ended, and the router's `settle` is to follow.
  void settle_later(const std::shared_ptr<State>& self, const PeerShares::Share& peer);

  /// Closes connections of the peer that has most of what there is too much of, those with most first, until a quarter of it is gone.
  void relieve(std::size_t Connection::*most);

  /// Closes one of these connections, of which the oldest is the first: of the old ones, one of the peer that is most in debt, or else
  /// of the one that has most connections, or else the oldest.
  void give_way(const std::list<Connection*>& among);

  /// A body that nobody will read: it is wiped and freed some of it at a time, for a hundred MiB at once hold the loop.
  void let_go(const std::shared_ptr<State>& self, std::string body);
  /// Nobody comes in any more; who waits outside is closed.
  void shut_the_doors();
  /// Everything ends: closes what is open, and nothing begins any more.
  void end();

  /// The time now, as far as deadlines need it: within a turn it stands still for some requests, for asking the clock costs each of them.
  Instant time() {
    if (!is_in_turn || ++asked % kAsksATime == 0) clock = now();
    return clock;
  }
  /// A connection, which has waited since `since`, has its turn; `last`: Round::begin_turn.
  void begin_turn(const std::shared_ptr<State>& self, Instant began, Instant since, Round::Number& last) {
    clock = began;
    is_in_turn = true;
    ++turns;
    if (round.begin_turn(began, since, last)) boost::asio::post(loop, [self] { self->round.end_pass(); });
  }
  /// How long the turn was.
  Instant::duration end_turn(Instant began) {
    is_in_turn = false;
    const Instant ended = now();
    round.end_turn(ended);
    return ended - began;
  }

  struct Listener {
    boost::asio::ip::tcp::acceptor acceptor;
    std::shared_ptr<boost::asio::ssl::context> tls;
    bool is_stalled = false;  ///< the last accept failed (out of descriptors, most likely): the next tick tries again
    bool is_held = false;     ///< enough handshakes wait to begin: whoever comes next waits in the kernel's queue
  };

  boost::asio::io_context& loop;
  const Router& router;
  ServerLimits limits;
  Round round;
  Instant clock;
  unsigned asked = 0;
  unsigned turns = 0;  ///< until now, modulo 2^32
  bool is_in_turn = false;
  bool is_draining = false;
  std::vector<Listener> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  std::list<Connection*> handshaking;  ///< the oldest first
  std::list<Connection*> silent;       ///< without a first request; the oldest first
  std::list<Connection*> idle;         ///< served before, and without a request now; those who are so for longest first
  std::list<Connection*> gone;         ///< whose peers have ended them, and which are yet to be closed
  std::size_t at_work = 0;  ///< handlers that wait for something, be it that their connections have gone
  std::size_t half_open = 0;
  std::size_t buffered = 0;
  RequestRates rates;
  PeerShares shares;
  std::shared_ptr<LaterTurns> later = std::make_shared<LaterTurns>(loop, shares, round);
  std::vector<char> read_buffer = std::vector<char>(kReadBufferBytes);  ///< holds octets within one turn only
  std::string out;                                                    ///< the same for what goes out
  ServerCounters counters;
  base::log::Seldom ends{kEndsSaidASecond};  ///< connections that are closed for what they do or leave undone

  static constexpr std::size_t kReadBufferBytes = 64 * 1024;  ///< one for all connections of a loop
  static constexpr int kEndsSaidASecond = 10;

 private:
  static constexpr unsigned kAsksATime = 32;  ///< of the clock, within one turn: some eight requests

  using Row = BackRow<std::shared_ptr<Connection>>;

  void accept_some(const std::shared_ptr<State>& self, std::size_t listener);
  /// True if that listener is not to accept more for a while.
  [[nodiscard]] bool has_enough_hellos(const Listener& listener) const;
  void let_in(const std::shared_ptr<State>& self);
  void take_in(const std::shared_ptr<State>& self, Arrival arrival);
  /// It waits until those who have had less of the loop are served; or is closed, if there are too many.
  void stand_outside(const std::shared_ptr<State>& self, const std::string& peer, Arrival arrival);
  [[nodiscard]] bool is_full() const { return connections.size() + arrivals_.size() >= limits.max_connections; }
  bool close_one_gone();
  /// Room for one more connection of `peer`, at the expense of one that is gone, waits to be taken in or has sent nothing yet; or of one that is idle,
  /// or of the peer's that has most of all. False if there is none.
  bool make_room(const std::string& peer);
  Connection* one_of(const std::list<Connection*>& among);
  [[nodiscard]] Connection* idle_of_most() const;
  bool crowd_gives_way(const std::string& peer);
  void refuse(const Arrival& arrival);
  void sweep(const std::shared_ptr<State>& self, std::shared_ptr<Connection> last);
  void settle_behind(const std::shared_ptr<State>& self);
  void wipe_some(const std::shared_ptr<State>& self);
  void wipe_first();
  void serve_back_later(const std::shared_ptr<State>& self);
  void serve_back(const std::shared_ptr<State>& self);
  /// Serves one of those in the back; false if nobody may have a turn.
  bool serve_one_back(const std::shared_ptr<State>& self, Instant at);
  void take_in_first(const std::shared_ptr<State>& self, Instant at);
  std::optional<Row::Place> next_hello(Instant at);

  boost::asio::steady_timer tick_;
  boost::asio::steady_timer pace_;  ///< of handshakes
  std::optional<RequestRates::Bucket> handshake_rate_;
  Row back_row_;
  Row hellos_;               ///< the part of it that begins a handshake
  Arrivals arrivals_;        ///< the part of it that is yet to be taken in
  std::deque<std::string> unread_;  ///< bodies to be wiped; none is empty
  std::size_t unread_octets_ = 0;
  Instant back_due_;         ///< when the back row's turn was asked for
  bool is_back_due_ = false;
  Instant unsettled_since_;
  bool is_wiping_ = false;
  bool is_unsettled_ = false;  ///< a batch has ended that `settle` has not followed yet
  const PeerShares::Share* unsettled_peer_ = nullptr;  ///< whose it was; null: of more than one since
  unsigned back_turns_ = 0;
  bool is_paced_ = false;    ///< a handshake waits for max_handshakes_per_second
  bool is_ended_ = false;
  Instant next_crowd_look_;  ///< it costs a look at all peers
};

}  // namespace sbi

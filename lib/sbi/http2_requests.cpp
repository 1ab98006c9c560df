#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>
#include <variant>

#include "lib/base/log.hpp"
#include "lib/sbi/http2_connection.hpp"
#include "lib/sbi/problem.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxAheadBytes = 256 * 1024;  ///< of a body that comes in pieces: what waits for the peer to take it

base::Error too_large(std::size_t limit) {
  return {base::ErrorKind::too_large, "", "the body is longer than " + std::to_string(limit) + " octets"};
}

/// The answer to a request that waited too long: made once, for it is given when there is no time.
Response congestion() {
  static const Response answer =
      to_problem(base::Error(base::ErrorKind::unavailable, "NF_CONGESTION", "more requests have come than can be served now"));
  return answer;
}

}  // namespace

void Http2Server::Connection::count_half_open(Exchange& exchange) {
  exchange.is_half_open = true;
  ++half_open_;
  if (++server_->half_open > server_->limits.max_half_open_streams) server_->relieve(&Connection::half_open_);
}

void Http2Server::Connection::uncount_half_open(Exchange& exchange) {
  if (is_closed_) return;  // then none of its counts
  if (!std::exchange(exchange.is_half_open, false)) return;
  --half_open_;
  --server_->half_open;
}

void Http2Server::Connection::count(std::size_t octets) {
  buffered_ += octets;
  server_->buffered += octets;
  if (server_->buffered > server_->limits.max_buffered_bytes) server_->relieve(&Connection::buffered_);
}

void Http2Server::Connection::uncount(std::size_t octets) {
  if (is_closed_) return;
  buffered_ -= octets;
  server_->buffered -= octets;
}

/// Ends what waits for a stream that is gone.
void Http2Server::Connection::release(Exchange& exchange) {
  exchange.is_closed = true;
  if (exchange.body != nullptr) exchange.body->end(exchange.is_complete);
  if (exchange.room) exchange.room->cancel();
}

/// The connection is gone.
void Http2Server::Connection::abandon(Exchange& exchange) {
  release(exchange);
  const bool has_no_reader = !exchange.is_complete || exchange.is_answered;
  if (has_no_reader && !exchange.request.body.empty()) server_->let_go(server_, std::move(exchange.request.body));
}

/// Resets the stream of a peer that takes nothing of its answer: a window that it keeps shut would hold the answer here.
void Http2Server::Connection::check_progress(Exchange& exchange, Instant at) {
  const std::size_t left = session_->unsent(exchange.stream);
  const bool waits_for_source = exchange.source != nullptr && left == 0;
  if (left < exchange.unsent || waits_for_source) {
    exchange.unsent = left;
    exchange.deadline = at + server_->limits.write_timeout;
  } else if (at > exchange.deadline) {
    session_->reset(exchange.stream, Http2Error::cancel);
    schedule_flush();
  }
}

Http2Session::Events Http2Server::Connection::events() {
  return {.head = [this](StreamId id, Http2Session::Head& head) { on_head(id, head); },
          .data = [this](StreamId id, std::string_view octets) { on_data(id, octets); },
          .end = [this](StreamId id) { on_end(id); },
          .closed = [this](StreamId id, std::uint32_t) { on_closed(id); },
          .goaway = [this](StreamId, std::uint32_t) { is_ending_ = true; }};
}

void Http2Server::Connection::on_head(StreamId id, Http2Session::Head& head) {
  if (is_closed_) return;  // it gave way to another connection within this turn
  auto exchange = Exchange::take();
  exchange->stream = id;
  exchange->deadline = server_->time() + server_->limits.request_timeout;
  Request& request = exchange->request;
  request.method.swap(head.method);
  request.scheme = transport_.is_tls() ? "https" : "http";
  request.authority.swap(head.authority);
  request.target.swap(head.target);
  request.headers.swap(head.headers);
  request.peer = peer_;
  request.turns = this;  // whoever serves the request keeps the connection
  session_->keep(id, exchange);
  if (exchanges_++ == 0) stand_in(nullptr);
  if (!head.is_last) count_half_open(*exchange);
  if (is_closed_) return;
  try {
    accept_head(*exchange, head.too_large);
  } catch (...) {
    answer(exchange, refusal(request, std::current_exception()));
    return;
  }
  if (std::holds_alternative<StreamingHandler>(exchange->route->handler)) {
    exchange->body = std::make_shared<StreamedBody>(weak_from_this(), id, server_->loop);
    dispatch(exchange);
  }
}

/// Finds the route and refuses what no body can mend.
void Http2Server::Connection::accept_head(Exchange& exchange, bool headers_too_large) {
  Request& request = exchange.request;
  if (bucket_ != nullptr && !bucket_->take(server_->time())) {
    throw base::Error(base::ErrorKind::too_many_requests, "NF_CONGESTION_RISK", "this peer sends more requests a second than it may");
  }
  if (headers_too_large) {
    throw base::Error(base::ErrorKind::headers_too_large, "", "the request has too many header fields, or too long ones");
  }
  if (!is_authority(request.authority)) {
    throw base::Error(base::ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the request's authority is missing or malformed",
                      {{"header :authority", "is missing or malformed"}});
  }
  exchange.route = &server_->router.admit(request);
  const auto length = request.headers.find("content-length");
  if (!length || std::holds_alternative<StreamingHandler>(exchange.route->handler)) return;
  std::size_t octets = 0;
  std::from_chars(length->data(), length->data() + length->size(), octets);
  if (octets > server_->limits.max_body_bytes) throw too_large(server_->limits.max_body_bytes);
}

void Http2Server::Connection::on_data(StreamId id, std::string_view octets) {
  if (is_closed_) return;
  const auto exchange = exchange_of(id);
  if (exchange == nullptr || exchange->is_answered) {
    session_->consume(id, octets.size());  // the connection's window is shared: others need it
    return;
  }
  count(octets.size());
  if (is_closed_) return;
  if (exchange->body != nullptr) return exchange->body->put(octets);
  exchange->buffered += octets.size();
  session_->consume(id, octets.size());
  if (exchange->request.body.size() + octets.size() > server_->limits.max_body_bytes) {
    return refuse(exchange, too_large(server_->limits.max_body_bytes));
  }
  exchange->request.body.append(octets);
}

void Http2Server::Connection::on_end(StreamId id) {
  const auto exchange = exchange_of(id);
  if (exchange == nullptr || is_closed_) return;
  exchange->is_complete = true;
  idle_turns_ = 0;
  uncount_half_open(*exchange);
  if (exchange->body != nullptr) return exchange->body->end(true);
  if (!exchange->is_answered) dispatch(exchange);
}

void Http2Server::Connection::on_closed(StreamId id) {
  const auto exchange = exchange_of(id);
  if (exchange == nullptr) return;  // no whole head came of it: the peer has no more time than before
  release(*exchange);
  uncount_half_open(*exchange);
  uncount(exchange->buffered);
  if (--exchanges_ > 0) return;
  deadline_ = server_->time() + server_->limits.idle_timeout;
  if (!is_gone_) stand_in(&server_->idle);
}

void Http2Server::Connection::dispatch(const std::shared_ptr<Exchange>& exchange) {
  if (server_->round.turns_away(server_->time())) {
    server_->counters.requests_shed.fetch_add(1, std::memory_order_relaxed);
    return answer(exchange, congestion());
  }
  if (auto response = serve_at_once(*exchange->route, exchange->request)) return answer(exchange, std::move(*response));
  asio::co_spawn(server_->loop, serve_and_answer(shared_from_this(), exchange), asio::detached);
}

asio::awaitable<void> Http2Server::Connection::serve_and_answer(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange) {
  ++self->server_->at_work;
  Response response = co_await serve_waiting(*exchange->route, exchange->request, exchange->body);
  --self->server_->at_work;
  self->answer(exchange, std::move(response));
}

void Http2Server::Connection::refuse(const std::shared_ptr<Exchange>& exchange, const base::Error& error) { answer(exchange, to_problem(error)); }

void Http2Server::Connection::answer(const std::shared_ptr<Exchange>& exchange, Response response) {
  if (exchange->is_answered || is_closed_) return;
  exchange->is_answered = true;
  exchange->deadline = server_->time() + server_->limits.write_timeout;
  exchange->unsent = response.body.size();
  base::log::debug("{} {} {} -> {}", address_, exchange->request.method, exchange->request.target, response.status);
  server_->counters.count(response.status);
  const bool is_head = exchange->request.method == "HEAD";
  const bool is_piecewise = response.stream != nullptr && !is_head;
  using Source = Http2Session::BodySource;
  const std::shared_ptr<BodyReader> source = response.stream;
  session_->respond(exchange->stream, std::move(response), is_head ? Source::none : is_piecewise ? Source::pieces : Source::whole);
  schedule_flush();
  if (!is_piecewise) return;
  exchange->source = source;
  exchange->room.emplace(server_->loop);
  ++sources_;
  asio::co_spawn(server_->loop, pass_on(shared_from_this(), exchange), asio::detached);
}

/// Sends a body as its source gives it; no more than kMaxAheadBytes wait here for the peer.
asio::awaitable<void> Http2Server::Connection::pass_on(std::shared_ptr<Connection> self, std::shared_ptr<Exchange> exchange) {
  const StreamId stream = exchange->stream;
  try {
    while (!exchange->is_closed) {
      const std::optional<std::string> piece = co_await exchange->source->next();
      if (exchange->is_closed) break;
      if (!piece) {
        self->session_->finish(stream);
        break;
      }
      self->session_->send(stream, *piece);
      exchange->unsent = self->session_->unsent(stream);
      self->schedule_flush();
      co_await self->wait_for_room(exchange);
    }
  } catch (const std::exception& error) {
    base::log::info("{} {} {}: the answer broke off: {}", self->address_, exchange->request.method, exchange->request.target,
                    error.what());
    if (!exchange->is_closed) self->session_->reset(stream, Http2Error::internal_error);
  }
  exchange->source.reset();
  --self->sources_;
  self->schedule_flush();
}

asio::awaitable<void> Http2Server::Connection::wait_for_room(std::shared_ptr<Exchange> exchange) {
  while (!exchange->is_closed && session_->unsent(exchange->stream) > kMaxAheadBytes) {
    exchange->room->expires_at(Instant::max());
    ErrorCode ignored;
    co_await exchange->room->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// After a write: sources may go on.
void Http2Server::Connection::wake_sources() {
  if (sources_ == 0) return;
  for (const auto& context : session_->contexts()) {
    auto& exchange = static_cast<Exchange&>(*context);
    if (exchange.source != nullptr) exchange.room->cancel();
  }
}

void Http2Server::Connection::consumed(StreamId stream, std::size_t octets) {
  if (is_closed_) return;
  uncount(octets);
  session_->consume(stream, octets);
  schedule_flush();
}

}  // namespace sbi

#include "tests/bench/connection.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "tests/bench/server_process.hpp"

namespace bench {
namespace {

constexpr std::size_t kReadOctets = 128 * 1024;
constexpr std::size_t kWriteOctets = 128 * 1024;
constexpr std::int32_t kWindow = 1 << 30;  ///< of a stream and of the connection: no answer ever waits for us

/// Shared by all connections: one thread.
std::array<char, kReadOctets> read_buffer;

int connect_to(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  const int out = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_connected = out >= 0 && ::connect(out, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (is_connected) return out;
  if (out >= 0) ::close(out);
  return -1;
}

nghttp2_nv pair(std::string_view name, std::string_view value) {
  const auto octets = [](std::string_view text) { return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data())); };
  return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

ssize_t read_body(nghttp2_session* /*session*/, std::int32_t /*stream*/, std::uint8_t* out, std::size_t room, std::uint32_t* flags,
                  nghttp2_data_source* source, void* /*user*/) {
  auto& exchange = *static_cast<Exchange*>(source->ptr);
  if (exchange.source != nullptr) {
    const std::size_t size = exchange.source->read(reinterpret_cast<char*>(out), room);
    if (size == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
  const std::size_t size = std::min(room, exchange.body.size() - exchange.sent);
  std::memcpy(out, exchange.body.data() + exchange.sent, size);
  exchange.sent += size;
  if (exchange.sent == exchange.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

}  // namespace

/// What nghttp2 calls.
struct Callbacks {
  static Exchange* exchange_of(nghttp2_session* session, std::int32_t stream) {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/, void* /*user*/) {
    constexpr std::string_view kStatus = ":status";
    if (name_size != kStatus.size() || std::memcmp(name, kStatus.data(), name_size) != 0 || value_size != 3) return 0;
    Exchange* const exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange != nullptr) exchange->status = static_cast<unsigned>((value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0'));
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                     void* user) {
    if (!static_cast<Connection*>(user)->keeps_answers_) return 0;
    Exchange* const exchange = exchange_of(session, stream);
    if (exchange != nullptr) exchange->answer.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t stream, std::uint32_t error_code, void* user) {
    Exchange* const exchange = exchange_of(session, stream);
    if (exchange == nullptr) return 0;
    auto& connection = *static_cast<Connection*>(user);
    exchange->is_active = false;
    connection.events_.finished(*exchange, error_code, connection.now_ns_);
    return 0;
  }

  static nghttp2_session* make_session(Connection& connection) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1);  // cheap; the tests check what the functions send
    nghttp2_option_set_peer_max_concurrent_streams(option, 100);
    nghttp2_session* session = nullptr;
    const int result = nghttp2_session_client_new2(&session, callbacks, &connection, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (result != 0) throw std::runtime_error(nghttp2_strerror(result));
    return session;
  }
};

Connection::Connection(const Options& options, SSL_CTX* tls, Events& events, bool keeps_answers)
    : options_(options), tls_context_(tls), events_(events), keeps_answers_(keeps_answers), exchanges_(options.streams) {
  for (Exchange& exchange : exchanges_) exchange.connection = this;
}

bool Connection::open() {
  socket_ = connect_to(options_.host, options_.port);
  if (socket_ < 0) return false;
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
  if (tls_context_ != nullptr) tls_ = make_tls(tls_context_, socket_, options_.host);
  is_write_wanted_by_tls_ = true;  // the first event is that it can be written to
  return true;
}

void Connection::close() {
  nghttp2_session_del(session_);
  SSL_free(tls_);
  if (socket_ >= 0) ::close(socket_);
  session_ = nullptr;
  tls_ = nullptr;
  socket_ = -1;
  is_open_ = false;
  is_watched_for_writing = false;
  is_write_wanted_by_tls_ = false;
  out_.clear();
  out_begin_ = 0;
}

void Connection::start_session() {
  session_ = Callbacks::make_session(*this);
  const std::array<nghttp2_settings_entry, 2> settings{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
  is_open_ = true;
  is_write_wanted_by_tls_ = false;
  events_.opened(*this);
}

bool Connection::shake_hands() {
  is_write_wanted_by_tls_ = false;
  const int result = SSL_do_handshake(tls_);
  if (result == 1) {
    start_session();
    return true;
  }
  return tls_result(result) < 0;
}

void Connection::submit(Exchange& exchange, std::int64_t started_ns) {
  const bool has_body = exchange.source != nullptr || !exchange.body.empty();
  std::array<nghttp2_nv, 6> headers{pair(":method", exchange.method), pair(":scheme", options_.is_tls ? "https" : "http"),
                                    pair(":authority", options_.authority), pair(":path", exchange.path)};
  std::size_t size = 4;
  if (has_body) headers[size++] = pair("content-type", exchange.content_type);
  if (has_body && exchange.source == nullptr) {
    auto& text = exchange.length_text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), exchange.body.size()).ptr;
    headers[size++] = pair("content-length", {text.data(), static_cast<std::size_t>(end - text.data())});
  }
  exchange.sent = 0;
  exchange.status = 0;
  exchange.answer.clear();
  exchange.started_ns = started_ns;
  exchange.is_active = true;
  nghttp2_data_provider body{};
  body.source.ptr = &exchange;
  body.read_callback = read_body;
  const std::int32_t stream = nghttp2_submit_request(session_, nullptr, headers.data(), size, has_body ? &body : nullptr, &exchange);
  if (stream < 0) throw std::runtime_error(nghttp2_strerror(stream));
}

bool Connection::handle(bool is_readable) {
  if (!is_open_) {
    if (tls_ != nullptr) {
      if (!shake_hands()) return false;
    } else {
      start_session();
    }
    if (!is_open_) return true;
  }
  if (is_readable && !read_all()) return false;
  return flush();
}

bool Connection::read_all() {
  while (true) {
    const long size = receive(read_buffer.data(), read_buffer.size());
    if (size == 0) return false;
    if (size < 0) return true;
    now_ns_ = now_ns();
    const auto taken = nghttp2_session_mem_recv(session_, reinterpret_cast<std::uint8_t*>(read_buffer.data()), static_cast<std::size_t>(size));
    if (taken < 0) return false;
    if (tls_ == nullptr && static_cast<std::size_t>(size) < read_buffer.size()) return true;
    if (tls_ != nullptr && SSL_has_pending(tls_) == 0) return true;
  }
}

bool Connection::flush() {
  is_dirty = false;
  if (!is_open_) return true;
  while (true) {
    const bool has_more = collect();
    if (!write_out()) return false;
    if (out_begin_ < out_.size() || !has_more) break;
  }
  const bool is_over = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  return !is_over;
}

/// Takes frames out of the session, up to the size of a write. True if there may be more.
bool Connection::collect() {
  if (out_begin_ == out_.size()) {
    out_.clear();
    out_begin_ = 0;
  }
  while (out_.size() < kWriteOctets) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return false;
    out_.insert(out_.end(), data, data + size);
  }
  return true;
}

bool Connection::write_out() {
  while (out_begin_ < out_.size()) {
    const long size = send(out_.data() + out_begin_, out_.size() - out_begin_);
    if (size == 0) return false;
    if (size < 0) return true;
    out_begin_ += static_cast<std::size_t>(size);
  }
  return true;
}

long Connection::tls_result(int result) {
  switch (SSL_get_error(tls_, result)) {
    case SSL_ERROR_WANT_READ:
      return -1;
    case SSL_ERROR_WANT_WRITE:
      is_write_wanted_by_tls_ = true;
      return -1;
    default:
      return 0;
  }
}

long Connection::receive(char* to, std::size_t room) {
  if (tls_ != nullptr) {
    const int result = SSL_read(tls_, to, static_cast<int>(room));
    return result > 0 ? result : tls_result(result);
  }
  const ssize_t size = ::recv(socket_, to, room, 0);
  if (size >= 0) return size;
  return errno == EAGAIN || errno == EINTR ? -1 : 0;
}

long Connection::send(const char* from, std::size_t size) {
  if (tls_ != nullptr) {
    const int result = SSL_write(tls_, from, static_cast<int>(size));
    if (result > 0) return result;
    const long why = tls_result(result);
    return why;
  }
  const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL);
  if (sent > 0) return sent;
  return errno == EAGAIN || errno == EINTR ? -1 : 0;
}

}  // namespace bench

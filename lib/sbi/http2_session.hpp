#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/sbi/message.hpp"

struct nghttp2_session;

namespace sbi {

using StreamId = std::int32_t;

/// RFC 9113, section 7.
enum class Http2Error : std::uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  refused_stream = 7,
  cancel = 8,
  enhance_your_calm = 11,
};

/// One HTTP/2 connection's protocol, either side, on nghttp2 and without any I/O: octets in, octets out, and what they
/// mean through callbacks. Not thread-safe: it belongs to its connection's loop.
class Http2Session {
 public:
  enum class Role { server, client };

  struct Limits {
    std::uint32_t max_streams = 128;              ///< open at once, announced to the peer
    std::size_t max_headers = 64;                 ///< fields of one header block
    std::size_t max_header_bytes = 16 * 1024;     ///< names and values of one header block
    std::uint32_t stream_window_bytes = 256 * 1024;
    std::int32_t connection_window_bytes = 4 * 1024 * 1024;
    // What one client may bring about; beyond one of these a server ends the session (GOAWAY).
    std::size_t max_header_expansion = 4;             ///< times max_header_bytes that one header block may unfold to (RFC 7541, 7.3: HPACK bomb)
    std::size_t max_idle_frames_per_second = 10000;   ///< that carry no work: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, ...; a request pays for some
    std::size_t max_stream_errors_per_second = 1000;  ///< streams that are reset for what the client did wrong with them (CVE-2025-8671)
    std::size_t max_client_resets_per_second = 20;    ///< streams that the client resets, in the long run (CVE-2023-44487)
    std::size_t max_client_resets_burst = 200;        ///< the same at once
  };

  /// The header block of a request, or of a final response.
  struct Head {
    std::string method, scheme, authority, target;  ///< of a request
    int status = 0;                                 ///< of a response
    Headers headers;
    bool too_large = false;  ///< a limit was exceeded; what lies beyond it is not kept
    bool is_last = false;    ///< of a request: no body follows
  };

  /// What the owner of the session keeps with a stream.
  class Context {
   public:
    virtual ~Context() = default;
  };

  /// Called inside receive(), and `closed` inside take_output() as well. They may call any method but receive() and take_output().
  /// The memory of a head is used again: who wants some of it takes it, or exchanges it.
  struct Events {
    std::function<void(StreamId, Head&)> head;
    std::function<void(StreamId, std::string_view)> data;
    std::function<void(StreamId)> end;                        ///< the peer has sent all of its message
    std::function<void(StreamId, std::uint32_t error)> closed;  ///< the stream is gone; its number is not used again
    std::function<void(StreamId last_stream, std::uint32_t error)> goaway;
  };

  Http2Session(Role role, Limits limits, Events events);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  /// Takes what the peer sent. False: the peer broke the protocol; send what take_output() still gives, and close.
  [[nodiscard]] bool receive(std::string_view octets);

  /// Moves what is to be sent to the end of `out`, until `out` has about `at_least` octets or there is no more.
  void take_output(std::string& out, std::size_t at_least = 64 * 1024);

  /// What is sent as the body: all of it at once, none (HEAD), or what send() and finish() bring later.
  enum class BodySource { whole, none, pieces };

  /// Server: answers a stream. If the request is still coming in, it is told to stop once the answer is out.
  void respond(StreamId stream, Response&& response, BodySource body = BodySource::whole);

  /// Client: sends a request. The number of its stream; negative if there are no more numbers. After the peer's GOAWAY the
  /// stream is closed with refused_stream.
  [[nodiscard]] StreamId request(const Request& request, BodySource body = BodySource::whole);

  /// The next octets of a body that comes in pieces; unsent() tells how many wait. Nothing happens if the stream is gone.
  void send(StreamId stream, std::string_view octets);
  /// Ends a body that comes in pieces.
  void finish(StreamId stream);

  void reset(StreamId stream, Http2Error error);

  /// Gives flow-control window back for octets that the data event brought and that are dealt with.
  void consume(StreamId stream, std::size_t octets);

  /// Tells the peer that no new streams are taken; those that are open go on.
  void go_away(Http2Error error = Http2Error::no_error);

  /// Once a second, of a server: what a client may bring about in a second begins anew. (Above that the session ends with ENHANCE_YOUR_CALM.)
  void replenish() noexcept { idle_frames_ = stream_errors_ = 0; }

  /// False once there is nothing left to read or to write: the connection is to be closed.
  [[nodiscard]] bool is_alive() const;
  [[nodiscard]] std::size_t open_streams() const noexcept { return streams_.size(); }
  /// Octets of the stream's body that flow control has not let out yet; 0 if the stream is gone.
  [[nodiscard]] std::size_t unsent(StreamId stream) const;

  /// Keeps `context` with the stream until it is closed, `closed` included; nothing happens if the stream is gone.
  void keep(StreamId stream, std::shared_ptr<Context> context);
  /// What keep() was given; null if that is nothing, or the stream is gone.
  [[nodiscard]] std::shared_ptr<Context> context(StreamId stream) const;
  /// The contexts of all open streams that have one.
  [[nodiscard]] std::vector<std::shared_ptr<Context>> contexts() const;

 private:
  struct Stream {
    Head head;
    bool has_head = false;    ///< the event was raised
    bool peer_done = false;
    Headers answer;           ///< what respond() was given: nghttp2 sends it from here
    std::string status, length;  ///< the fields of these names, the same
    std::string out;          ///< the body being sent
    std::size_t out_sent = 0;
    bool is_out_open = false;  ///< more of it will come
    std::shared_ptr<Context> context;

    /// More of what it asks or answers.
    [[nodiscard]] bool may_peer_send() const noexcept { return !peer_done && !head.is_last; }
  };
  struct StreamPool;
  /// Gives a stream back to its thread's pool.
  struct Recycle {
    void operator()(Stream* stream) const;
  };
  using StreamPointer = std::unique_ptr<Stream, Recycle>;
  struct Callbacks;

  static StreamPointer make_stream();
  [[nodiscard]] Stream* find(StreamId stream) const;
  void erase(StreamId stream);

  void begin_settings(const Limits& limits);

  Limits limits_;
  Events events_;
  Role role_;
  std::size_t block_octets_ = 0;  ///< of the header block that is coming in, unfolded
  std::size_t idle_frames_ = 0;   ///< received since replenish(); of a server, as the next one
  std::size_t stream_errors_ = 0;  ///< streams reset for what the client did wrong
  bool is_leaving_ = false;  ///< go_away() was called
  nghttp2_session* session_ = nullptr;
  std::unordered_map<StreamId, StreamPointer> streams_;
  mutable StreamId last_found_ = 0;  ///< callbacks come in runs of one stream
  mutable Stream* last_ = nullptr;
};

}  // namespace sbi

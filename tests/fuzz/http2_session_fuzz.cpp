// An HTTP/2 session that its peer feeds with anything, as a server and as a client, and two sessions that talk to each other: what is asked
// is answered, events come in their order and once, and neither streams, header blocks nor output grow beyond their limits.
#include <map>

#include "lib/sbi/http2_session.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using sbi::Http2Session;
using sbi::StreamId;
using Role = Http2Session::Role;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kEmptySettings("\0\0\0\4\0\0\0\0\0", 9);
constexpr Http2Session::Limits kLimits{.max_streams = 8, .max_headers = 8, .max_header_bytes = 512, .stream_window_bytes = 2000,
                                       .connection_window_bytes = 65535};

constexpr std::size_t kLargeBody = 3000;  ///< more than a stream's window, and thirty of them more than the connection's

/// How a server answers, by the bits of one octet.
struct Manners {
  explicit Manners(std::uint8_t bits)
      : at_head((bits & 1U) != 0), in_pieces((bits & 2U) != 0), body((bits & 4U) != 0 ? kLargeBody : bits & 8U, 'x') {}
  bool at_head;
  bool in_pieces;
  std::string body;
};

/// One side, and what it was told.
class Side {
 public:
  Side(Role role, Manners manners)
      : role_(role), manners_(std::move(manners)),
        session(role, kLimits,
                {.head = [this](StreamId id, Http2Session::Head& head) { on_head(id, head); },
                 .data = [this](StreamId id, std::string_view octets) { on_data(id, octets); },
                 .end = [this](StreamId id) { on_end(id); },
                 .closed = [this](StreamId id, std::uint32_t) { on_closed(id); },
                 .goaway = nullptr}) {}

  /// What is to be sent, all of it.
  std::string output() {
    std::string out, piece;
    do {
      piece.clear();
      session.take_output(piece);
      out += piece;
    } while (!piece.empty());
    return out;
  }

  void ask(std::size_t body_size) {
    sbi::Request request;
    request.method = body_size == 0 ? "GET" : "POST";
    request.authority = "peer";
    request.target = "/";
    request.body.assign(body_size, 'x');
    const StreamId id = session.request(request);
    if (id > 0) streams_[id].is_asked = true;
  }

  /// Whatever has ended is answered, and gone but for what flow control holds back: octets, or the DATA frame without any (nghttp2 keeps that back
  /// too) that ends an answer in pieces, or one to a request that had not ended. That those end where there is room talk() looks at.
  void check_answered() const {
    for (const auto& [id, stream] : streams_) {
      const bool is_end_apart = manners_.in_pieces || (manners_.at_head && manners_.body.empty() && !stream.ended_with_head);
      const bool may_wait = session.unsent(id) > 0 || is_end_apart;
      fuzz::require(!stream.has_end || stream.is_closed || may_wait || role_ == Role::client, "every request is answered");
    }
    fuzz::require(role_ == Role::client || session.open_streams() <= kLimits.max_streams + 1, "streams are bounded");
  }
  /// How many streams ended, and are closed, with so many octets of data.
  [[nodiscard]] std::size_t ended_with(std::size_t octets) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        streams_, [octets](const auto& each) { return each.second.has_end && each.second.is_closed && each.second.octets == octets; }));
  }

 private:
  struct Stream {
    bool is_asked = false, has_head = false, has_end = false, is_closed = false, ended_with_head = false;
    std::size_t octets = 0;
  };

  void on_head(StreamId id, const Http2Session::Head& head) {
    Stream& stream = streams_[id];
    fuzz::require(!stream.has_head && !stream.has_end && !stream.is_closed, "a head comes once, and first");
    fuzz::require(role_ == Role::server || stream.is_asked, "a client hears of what it asked");
    const sbi::Headers& headers = head.headers;
    fuzz::require(headers.fields().size() <= kLimits.max_headers && headers.bytes() <= kLimits.max_header_bytes, "a head is bounded");
    stream.has_head = true;
    stream.ended_with_head = head.is_last;
    if (role_ == Role::server && manners_.at_head) answer(id);
  }
  void on_data(StreamId id, std::string_view octets) {
    Stream& stream = streams_[id];
    fuzz::require(stream.has_head && !stream.has_end && !stream.is_closed, "data comes between head and end");
    stream.octets += octets.size();
    session.consume(id, octets.size());
  }
  void on_end(StreamId id) {
    Stream& stream = streams_[id];
    fuzz::require(stream.has_head && !stream.has_end && !stream.is_closed, "an end comes once, after the head");
    stream.has_end = true;
    if (role_ == Role::server && !manners_.at_head) answer(id);
  }
  void on_closed(StreamId id) {
    fuzz::require(!std::exchange(streams_[id].is_closed, true), "a stream is closed once");
  }
  void answer(StreamId id) {
    sbi::Response response(200, "text/plain", manners_.in_pieces ? "" : manners_.body);
    session.respond(id, std::move(response), manners_.in_pieces ? Http2Session::BodySource::pieces : Http2Session::BodySource::whole);
    if (!manners_.in_pieces) return;
    session.send(id, manners_.body);
    session.finish(id);
  }

  Role role_;
  Manners manners_;
  std::map<StreamId, Stream> streams_;

 public:
  Http2Session session;
};

/// The input is all that the peer of a server, or of a client with three requests, says.
void listen(Role role, fuzz::Input input) {
  Side side(role, Manners(input.octet()));
  const std::size_t piece = input.octet() + std::size_t{1};
  const std::uint8_t leaves_after = input.octet();  // so many pieces, if that many come
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, kLargeBody}) {
    if (role == Role::client) side.ask(size);
  }
  std::string sent = side.output();
  bool is_sound = side.session.receive(std::string(role == Role::server ? kPreface : "").append(kEmptySettings));
  std::size_t received = 0;
  for (std::size_t pieces = 0; is_sound && !input.at_end(); ++pieces) {
    if (pieces + 1 == leaves_after) side.session.go_away();
    const auto octets = input.take(piece);
    received += octets.size();
    is_sound = side.session.receive(base::as_text(octets));
    sent += side.output();
    if (is_sound && side.session.is_alive()) side.check_answered();
  }
  sent += side.output();
  const std::size_t answers = received / 9 + 4;  // a frame has 9 octets at least
  fuzz::require(sent.size() <= answers * (kLargeBody + 256), "what is sent is bounded by what came");
}

/// A client and a server in pieces of the input's choice: all that is asked is answered in full.
void talk(fuzz::Input input) {
  const Manners manners(input.octet());
  Side server(Role::server, manners);
  Side client(Role::client, manners);
  const auto carry = [&input](Side& from, Side& to) {
    const std::string out = from.output();
    const std::size_t piece = input.octet() + std::size_t{1};
    for (std::size_t at = 0; at < out.size(); at += piece * 64) {
      fuzz::require(to.session.receive(std::string_view(out).substr(at, piece * 64)), "each understands the other");
    }
    return !out.empty();
  };
  std::size_t asked = 0;
  for (; !input.at_end() && asked < 32; ++asked) {
    client.ask(input.number() % 4096);
    carry(client, server);
    carry(server, client);
  }
  bool is_moving = true;
  while (is_moving) {
    const bool forth = carry(client, server);
    is_moving = carry(server, client) || forth;
  }
  fuzz::require(client.ended_with(manners.body.size()) == asked, "all that was asked is answered");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t kind = input.octet();
  if (kind % 3 == 0) listen(Role::server, input);
  if (kind % 3 == 1) listen(Role::client, input);
  if (kind % 3 == 2) talk(input);
  return 0;
}

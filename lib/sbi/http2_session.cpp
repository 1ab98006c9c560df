#include "lib/sbi/http2_session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace sbi {
namespace {

/// What a request may bring along: the end of its body, and windows for its answer.
constexpr std::size_t kIdleFramesARequest = 4;

std::string_view view(const std::uint8_t* octets, std::size_t size) {
  return {reinterpret_cast<const char*>(octets), size};
}

/// A header field that borrows its texts: nghttp2 copies them when it is submitted, unless `flags` say that they stay.
nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  // nghttp2's interface takes pointers to non-const, and does not write.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), flags};
}

void check(int result, const char* what) {
  if (result != 0) throw std::runtime_error(std::string(what) + ": " + nghttp2_strerror(result));
}

}  // namespace

/// Streams that ended, for the next ones of this thread: their texts keep the memory that they had, up to a bound.
struct Http2Session::StreamPool {
  static constexpr std::size_t kMaxStreams = 1024;
  static constexpr std::size_t kMaxTextOctets = 1024;  ///< of a text whose memory is kept

  std::vector<std::unique_ptr<Stream>> free;

  static StreamPool& of_thread() {
    static thread_local StreamPool pool;
    return pool;
  }

  static void empty(std::string& text) {
    base::wipe(text);
    if (text.capacity() > kMaxTextOctets) std::string().swap(text);  // assigning would keep its memory
  }

  static void empty(Headers& headers) {
    if (headers.bytes() > kMaxTextOctets) headers = Headers();
    headers.clear();
  }
  static void empty(Head& head) {
    for (std::string* const text : {&head.method, &head.scheme, &head.authority, &head.target}) empty(*text);
    empty(head.headers);
    head.status = 0;
    head.too_large = head.is_last = false;
  }
  static void empty(Stream& stream) {
    stream.context.reset();
    empty(stream.head);
    empty(stream.answer);
    empty(stream.out);
    stream.out_sent = 0;
    stream.has_head = stream.peer_done = stream.is_out_open = false;
  }
};

void Http2Session::Recycle::operator()(Stream* stream) const {
  std::unique_ptr<Stream> ended(stream);
  StreamPool::empty(*ended);
  auto& free = StreamPool::of_thread().free;
  if (free.size() < StreamPool::kMaxStreams) free.push_back(std::move(ended));
}

Http2Session::StreamPointer Http2Session::make_stream() {
  auto& free = StreamPool::of_thread().free;
  if (free.empty()) return StreamPointer(new Stream());
  StreamPointer taken(free.back().release());
  free.pop_back();
  return taken;
}

Http2Session::Stream* Http2Session::find(StreamId id) const {
  if (last_ != nullptr && last_found_ == id) return last_;
  const auto found = streams_.find(id);
  if (found == streams_.end()) return nullptr;
  last_found_ = id;
  return last_ = found->second.get();
}

void Http2Session::erase(StreamId id) {
  last_ = nullptr;
  streams_.erase(id);
}

void Http2Session::keep(StreamId id, std::shared_ptr<Context> context) {
  if (Stream* const stream = find(id)) stream->context = std::move(context);
}

std::shared_ptr<Http2Session::Context> Http2Session::context(StreamId id) const {
  const Stream* const stream = find(id);
  return stream == nullptr ? nullptr : stream->context;
}

std::vector<std::shared_ptr<Http2Session::Context>> Http2Session::contexts() const {
  std::vector<std::shared_ptr<Context>> out;
  for (const auto& [id, stream] : streams_) {
    if (stream->context) out.push_back(stream->context);
  }
  return out;
}

/// nghttp2's callbacks; `user` is the Http2Session.
struct Http2Session::Callbacks {
  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).block_octets_ = 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Http2Session& session = self(user);
    if (session.is_leaving_) {  // the GOAWAY, which may still be on its way out, says that it was not looked at
      session.reset(frame->hd.stream_id, Http2Error::refused_stream);
    } else {
      session.streams_.emplace(frame->hd.stream_id, make_stream());
    }
    return 0;
  }

  /// A request that waited for its turn and met a GOAWAY: nghttp2 drops it and tells nobody else.
  static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Http2Session& session = self(user);
    if (session.role_ != Role::client || frame->hd.type != NGHTTP2_HEADERS) return 0;
    const StreamId id = frame->hd.stream_id;
    if (session.find(id) == nullptr) return 0;
    session.events_.closed(id, static_cast<std::uint32_t>(Http2Error::refused_stream));
    session.erase(id);
    return 0;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    std::size_t& idle = self(user).idle_frames_;
    if (header->type == NGHTTP2_HEADERS) {
      idle -= std::min(idle, kIdleFramesARequest);
    } else if (header->type != NGHTTP2_DATA || header->length == 0) {
      ++idle;
    }
    return 0;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) ++self(user).stream_errors_;
    return 0;
  }

  static int on_header(nghttp2_session* handle, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Http2Session& session = self(user);
    session.block_octets_ += name_size + value_size;
    // What is beyond max_header_bytes is not kept, and costs time all the same.
    if (session.block_octets_ > session.limits_.max_header_expansion * session.limits_.max_header_bytes) {
      nghttp2_session_terminate_session(handle, NGHTTP2_ENHANCE_YOUR_CALM);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    Stream* stream = session.find(frame->hd.stream_id);
    if (stream == nullptr || stream->has_head) return 0;  // trailers are not used
    add_field(stream->head, view(name, name_size), view(value, value_size), session.limits_);
    return 0;
  }

  static void add_field(Head& head, std::string_view name, std::string_view value, const Limits& limits) {
    if (head.headers.fields().size() >= limits.max_headers ||
        head.headers.bytes() + head.target.size() + name.size() + value.size() > limits.max_header_bytes) {
      head.too_large = true;
    } else if (name == ":method") {
      head.method = value;
    } else if (name == ":scheme") {
      head.scheme = value;
    } else if (name == ":authority") {
      head.authority = value;
    } else if (name == ":path") {
      head.target = value;
    } else if (name == ":status") {
      std::from_chars(value.data(), value.data() + value.size(), head.status);
    } else {
      if (name == "host" && head.authority.empty()) head.authority = value;
      head.headers.add(name, value);
    }
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& session = self(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      if (session.events_.goaway) session.events_.goaway(frame->goaway.last_stream_id, frame->goaway.error_code);
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    const bool is_last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) on_header_block(session, frame->hd.stream_id, is_last);
    if (is_last) on_end(session, frame->hd.stream_id);
    return 0;
  }

  static void on_header_block(Http2Session& session, StreamId id, bool is_last) {
    Stream* stream = session.find(id);
    if (stream == nullptr || stream->has_head) return;
    if (session.role_ == Role::client && stream->head.status < 200) {  // 1xx: the final response is yet to come
      StreamPool::empty(stream->head);  // what we send is still on its way
      return;
    }
    stream->has_head = true;
    stream->head.is_last = is_last;
    session.events_.head(id, stream->head);
  }

  static void on_end(Http2Session& session, StreamId id) {
    Stream* stream = session.find(id);
    if (stream == nullptr || stream->peer_done) return;
    stream->peer_done = true;
    session.events_.end(id);
  }

  static int on_data(nghttp2_session*, std::uint8_t, StreamId id, const std::uint8_t* data, std::size_t size, void* user) {
    self(user).events_.data(id, view(data, size));
    return 0;
  }

  static int on_stream_close(nghttp2_session*, StreamId id, std::uint32_t error, void* user) {
    Http2Session& session = self(user);
    if (session.find(id) == nullptr) return 0;
    session.events_.closed(id, error);
    session.erase(id);
    return 0;
  }

  static ssize_t read_body(nghttp2_session* handle, StreamId id, std::uint8_t* out, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    auto& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t left = stream.out.size() - stream.out_sent;
    const std::size_t taken = std::min(left, size);
    std::memcpy(out, stream.out.data() + stream.out_sent, taken);
    stream.out_sent += taken;
    if (stream.is_out_open) {
      if (taken == 0) return NGHTTP2_ERR_DEFERRED;  // send() and finish() resume it
      if (taken == left) {
        stream.out.clear();
        stream.out_sent = 0;
      }
      return static_cast<ssize_t>(taken);
    }
    if (taken == left) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      // The answer is complete: a request that is still coming in is not wanted any more (RFC 9113, 8.1).
      if (self(user).role_ == Role::server && stream.may_peer_send()) {
        nghttp2_submit_rst_stream(handle, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
      }
    }
    return static_cast<ssize_t>(taken);
  }
};

Http2Session::Http2Session(Role role, Limits limits, Events events)
    : limits_(limits), events_(std::move(events)), role_(role) {
  nghttp2_session_callbacks* callbacks = nullptr;
  check(nghttp2_session_callbacks_new(&callbacks), "nghttp2 callbacks");
  if (role == Role::server) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &Callbacks::on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &Callbacks::on_frame_sent);
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::on_data);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &Callbacks::on_frame_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::on_stream_close);

  nghttp2_option* options = nullptr;
  const int made = nghttp2_option_new(&options);
  int opened = made;
  if (made == 0) {
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_stream_reset_rate_limit(options, limits.max_client_resets_burst, limits.max_client_resets_per_second);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_server_fallback_rfc7540_priorities(options, 0);
    opened = role == Role::server ? nghttp2_session_server_new2(&session_, callbacks, this, options)
                                  : nghttp2_session_client_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
  }
  nghttp2_session_callbacks_del(callbacks);
  check(opened, "nghttp2 session");
  begin_settings(limits);
}

void Http2Session::begin_settings(const Limits& limits) {
  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, role_ == Role::server ? limits.max_streams : 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.max_header_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  }};
  // A server must not send ENABLE_PUSH (RFC 9113, 6.5.2 lets it send 0, but some clients refuse even that).
  const std::size_t count = role_ == Role::server ? settings.size() - 1 : settings.size();
  check(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), count), "nghttp2 settings");
  check(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, limits.connection_window_bytes),
        "nghttp2 window");
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

bool Http2Session::receive(std::string_view octets) {
  const auto taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  const bool is_flood = idle_frames_ > limits_.max_idle_frames_per_second || stream_errors_ > limits_.max_stream_errors_per_second;
  if (is_flood) nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  return taken >= 0;
}

void Http2Session::take_output(std::string& out, std::size_t at_least) {
  while (out.size() < at_least) {
    const std::uint8_t* octets = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &octets);
    if (size <= 0) return;
    out.append(view(octets, static_cast<std::size_t>(size)));
  }
}

void Http2Session::respond(StreamId id, Response&& response, BodySource body) {
  Stream* stream = find(id);
  if (stream == nullptr) return;  // the peer has gone meanwhile
  stream->status = std::to_string(response.status);
  stream->length = std::to_string(response.body.size());
  stream->answer.swap(response.headers);
  // The stream keeps them until it is closed, and with it whatever of nghttp2's would send them.
  constexpr std::uint8_t kStays = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  static thread_local std::vector<nghttp2_nv> fields;
  fields.clear();
  fields.push_back(field(":status", stream->status, kStays));
  for (const Header& header : stream->answer.fields()) fields.push_back(field(header.name, header.value, kStays));
  if (response.status != 204 && body != BodySource::pieces) fields.push_back(field("content-length", stream->length, kStays));
  if (body == BodySource::whole) stream->out = std::move(response.body);
  stream->is_out_open = body == BodySource::pieces;
  nghttp2_data_provider provider{};
  provider.source.ptr = stream;
  provider.read_callback = &Callbacks::read_body;
  const bool has_body = !stream->out.empty() || stream->is_out_open || stream->may_peer_send();
  if (nghttp2_submit_response(session_, id, fields.data(), fields.size(), has_body ? &provider : nullptr) != 0) {
    reset(id, Http2Error::internal_error);
  }
}

StreamId Http2Session::request(const Request& request, BodySource body) {
  StreamPointer stream = make_stream();
  stream->out = request.body;
  stream->is_out_open = body == BodySource::pieces;
  const std::string length = std::to_string(request.body.size());
  std::vector<nghttp2_nv> fields{field(":method", request.method), field(":scheme", request.scheme),
                                 field(":authority", request.authority), field(":path", request.target)};
  for (const Header& header : request.headers.fields()) fields.push_back(field(header.name, header.value));
  if (!request.body.empty() && !stream->is_out_open) fields.push_back(field("content-length", length));
  const bool has_body = !request.body.empty() || stream->is_out_open;
  nghttp2_data_provider provider{};
  provider.source.ptr = stream.get();
  provider.read_callback = &Callbacks::read_body;
  const StreamId id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                             has_body ? &provider : nullptr, nullptr);
  if (id > 0) streams_.emplace(id, std::move(stream));
  return id;
}

void Http2Session::send(StreamId id, std::string_view octets) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->is_out_open) return;
  stream->out.append(octets);
  nghttp2_session_resume_data(session_, id);  // an error: it was not deferred
}

void Http2Session::finish(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->is_out_open) return;
  stream->is_out_open = false;
  nghttp2_session_resume_data(session_, id);
}

void Http2Session::reset(StreamId stream, Http2Error error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<std::uint32_t>(error));
}

void Http2Session::consume(StreamId stream, std::size_t octets) { nghttp2_session_consume(session_, stream, octets); }

void Http2Session::go_away(Http2Error error) {
  is_leaving_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        static_cast<std::uint32_t>(error), nullptr, 0);
}

std::size_t Http2Session::unsent(StreamId id) const {
  const Stream* const stream = find(id);
  return stream == nullptr ? 0 : stream->out.size() - stream->out_sent;
}

bool Http2Session::is_alive() const {
  return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

}  // namespace sbi

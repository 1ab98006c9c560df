#include "lib/sbi/http1_gate.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"

namespace sbi {
namespace {

using base::Error;
using base::ErrorKind;

[[noreturn]] void fail(const char* detail) { throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", detail); }

[[noreturn]] void fail_length(const char* reason) {
  throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the request's length cannot be told", {{"header content-length", reason}});
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

/// tchar (RFC 9110, 5.6.2).
bool is_token_octet(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// `name` is in lower case.
bool is_named(std::string_view field, std::string_view name) {
  return std::ranges::equal(field, name, {}, [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

/// Three parts with one space between each two; what method and version there are is for others to say.
void require_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  const bool has_parts = first != std::string_view::npos && std::ranges::count(line, ' ') == 2;
  if (!has_parts || first == 0 || last == first + 1 || last + 1 == line.size() || line.find('\t') != std::string_view::npos) {
    fail("the request's first line is not a method, a target and a version");
  }
}

/// 1*DIGIT (RFC 9110, 8.6); a number that is too large for anything is the largest.
std::size_t read_length(std::string_view text) {
  std::size_t length = 0;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) fail_length("is not a number");
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  return read.ec == std::errc() ? length : std::numeric_limits<std::size_t>::max();
}

}  // namespace

void Http1Gate::take(std::string_view octets, const HandOn& hand_on) {
  while (!octets.empty()) {
    if (body_left_ > 0) {
      const std::string_view piece = octets.substr(0, body_left_);
      octets.remove_prefix(piece.size());
      body_left_ -= piece.size();
      if (is_wanted_) is_wanted_ = hand_on(piece, body_left_);
    } else if (hold(octets)) {
      body_left_ = body_length();
      const std::string head = std::exchange(head_, {});
      line_begin_ = 0;
      content_length_.reset();
      is_wanted_ = hand_on(head, body_left_);
    }
  }
}

bool Http1Gate::hold(std::string_view& octets) {
  while (!octets.empty()) {
    const std::size_t end = octets.find('\n');
    const std::string_view part = octets.substr(0, end == std::string_view::npos ? end : end + 1);
    if (part.size() > limits_.max_head_bytes - head_.size()) {
      throw Error(ErrorKind::headers_too_large, "", "the request's head is longer than " + std::to_string(limits_.max_head_bytes) + " octets");
    }
    head_ += part;
    octets.remove_prefix(part.size());
    if (end == std::string_view::npos) return false;
    const std::size_t begin = std::exchange(line_begin_, head_.size());
    std::string_view line = std::string_view(head_).substr(begin);
    // RFC 9112, 2.2 lets a recipient take LF alone. Pistache does not, and a head that ends elsewhere for it than for us is a way to smuggle.
    if (!line.ends_with("\r\n")) fail("a line of the request's head does not end with CR LF");
    line.remove_suffix(2);
    if (begin > 0 && line.empty()) return true;
    if (std::ranges::any_of(line, is_control)) fail("the request's head has a control character");
    if (begin == 0) {
      require_request_line(line);
    } else {
      read_field(line);
    }
  }
  return false;
}

void Http1Gate::read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  // No name, space before the colon, and lines that go on with the one before (RFC 9112, 5.1 and 5.2) all end here.
  if (colon == std::string_view::npos || name.empty() || !std::ranges::all_of(name, is_token_octet)) {
    fail("a line of the request's head is not a header field");
  }
  if (is_named(name, "transfer-encoding")) is_in_pieces_ = true;
  if (!is_named(name, "content-length")) return;
  if (content_length_) fail_length("is there twice");
  content_length_ = read_length(without_space(line.substr(colon + 1)));
}

std::size_t Http1Gate::body_length() const {
  if (is_in_pieces_ && content_length_) fail_length("is there beside transfer-encoding");
  if (is_in_pieces_) throw Error(ErrorKind::length_required, "", "this front end takes bodies with a content-length only");
  const std::size_t length = content_length_.value_or(0);
  if (head_.size() > limits_.max_request_bytes || length > limits_.max_request_bytes - head_.size()) {
    throw Error(ErrorKind::too_large, "", "the request is longer than " + std::to_string(limits_.max_request_bytes) + " octets");
  }
  return length;
}

}  // namespace sbi

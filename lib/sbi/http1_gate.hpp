#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sbi {

/// Stands before a reader of HTTP/1.1 that begins a head anew with every piece of it that comes (Pistache): holds a head back until it is
/// whole, and knows where a request ends (RFC 9112, 6.3), so that what comes behind it is the next one. It is strict: whatever another
/// reader may take to end elsewhere is refused. Of one connection, and without I/O.
class Http1Gate {
 public:
  struct Limits {
    std::size_t max_head_bytes;     ///< request line, header fields and all that ends them: no more than that is held back
    std::size_t max_request_bytes;  ///< head and body
  };
  /// Takes a whole head, then its body in the pieces in which it comes; `left`: octets of the body still to come. False: the rest of
  /// the body is of no use any more, and is passed over.
  using HandOn = std::function<bool(std::string_view octets, std::size_t left)>;

  explicit Http1Gate(Limits limits) : limits_(limits) {}

  /// Takes what the connection brought. Throws base::Error with what is wrong (400, 411, 413, 431), and what `hand_on` throws: then the
  /// connection is to end, and nothing more of it to be given.
  void take(std::string_view octets, const HandOn& hand_on);

  /// Octets held back.
  [[nodiscard]] std::size_t held() const noexcept { return head_.size(); }

 private:
  /// Moves octets of a head from the front of `octets`; true: it is whole.
  bool hold(std::string_view& octets);
  void read_field(std::string_view line);
  /// Octets of the body behind the head that is whole.
  [[nodiscard]] std::size_t body_length() const;

  Limits limits_;
  std::string head_;
  std::size_t line_begin_ = 0;  ///< of the first line of head_ that has not been read
  std::optional<std::size_t> content_length_;
  bool is_in_pieces_ = false;  ///< Transfer-Encoding
  std::size_t body_left_ = 0;
  bool is_wanted_ = false;  ///< the body
};

}  // namespace sbi

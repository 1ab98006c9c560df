#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

class Connection;

/// A body that is made while it is sent.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Writes at most `room` octets; the octets written, 0 at the end only.
  virtual std::size_t read(char* out, std::size_t room) = 0;
};

/// One place for a request in flight: what is sent, and what came of it. Used over and over; the texts live until the answer is there.
struct Exchange {
  Connection* connection = nullptr;
  std::int64_t started_ns = 0;
  std::string_view method;
  std::string_view path;
  std::string_view body;              ///< empty: none
  std::string_view content_type = "application/json";
  BodySource* source = nullptr;       ///< instead of `body`
  bool is_active = false;             ///< sent, and not answered yet
  std::size_t sent = 0;               ///< octets of the body
  unsigned status = 0;                ///< of the answer; 0: none came
  std::string answer;                 ///< its body, if the work wants it
  std::uint64_t subject = 0;          ///< of the work: whom it is about
  int step = 0;                       ///< of the work: which request of several
  std::array<char, 12> length_text{};
  std::array<char, 256> path_text{};
  std::array<char, 512> body_text{};
};

}  // namespace bench

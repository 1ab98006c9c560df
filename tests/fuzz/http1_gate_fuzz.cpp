// Requests of HTTP/1.1 are the same in whatever pieces they come: whole heads, bodies as long as these say, and nothing between them is lost.
#include <vector>

#include "lib/base/error.hpp"
#include "lib/sbi/http1_gate.hpp"
#include "tests/fuzz/input.hpp"

namespace {

constexpr sbi::Http1Gate::Limits kLimits{.max_head_bytes = 256, .max_request_bytes = 512};

struct Taken {
  std::vector<std::string> heads, bodies;
  std::size_t left = 0;  ///< of the last body
  std::string refusal;
  std::size_t held = 0;  ///< if there was none
  bool operator==(const Taken&) const = default;
};

/// What a gate hands on of a text in pieces of these sizes, round and round.
Taken take(std::string_view text, base::BytesView piece_sizes, bool wants_bodies) {
  Taken out;
  sbi::Http1Gate gate(kLimits);
  const auto hand_on = [&](std::string_view octets, std::size_t left) {
    if (out.left == 0) {
      out.heads.emplace_back(octets);
      out.bodies.emplace_back();
    } else {
      fuzz::require(out.left - octets.size() == left, "the rest of a body is what has not come");
      out.bodies.back() += octets;
    }
    out.left = wants_bodies ? left : 0;
    return wants_bodies;
  };
  try {
    for (std::size_t at = 0, piece = 0; at < text.size(); ++piece) {
      const std::size_t wanted = piece_sizes.empty() ? text.size() : piece_sizes[piece % piece_sizes.size()] + std::size_t{1};
      gate.take(text.substr(at, wanted), hand_on);
      fuzz::require(gate.held() <= kLimits.max_head_bytes, "what is held back is bounded");
      at += wanted;
    }
    out.held = gate.held();
  } catch (const base::Error& error) {
    out.refusal = error.what();
  }
  return out;
}

void check_sound(const Taken& taken, std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < taken.heads.size(); ++i) {
    const std::string& head = taken.heads[i];
    fuzz::require(head.find("\r\n\r\n") + 4 == head.size(), "a head ends at the first empty line");
    fuzz::require(head.size() <= kLimits.max_head_bytes, "a head is bounded");
    fuzz::require(head.size() + taken.bodies[i].size() <= kLimits.max_request_bytes, "a request is bounded");
    all += head + taken.bodies[i];
  }
  fuzz::require(text.starts_with(all), "what is handed on is what came");
  fuzz::require(!taken.refusal.empty() || all.size() + taken.held == text.size(), "the rest is held back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto piece_sizes = input.take(4);
  const std::string text = input.text();
  const Taken whole = take(text, {}, true);
  check_sound(whole, text);
  fuzz::require(take(text, piece_sizes, true) == whole, "pieces make no difference");
  const Taken heads = take(text, piece_sizes, false);
  fuzz::require(heads.heads == whole.heads && heads.refusal == whole.refusal, "a body that nobody wants ends where it would");
  return 0;
}

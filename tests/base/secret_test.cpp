#include "lib/base/secret.hpp"

#include <fmt/core.h>

#include <catch2/catch.hpp>
#include <ostream>
#include <type_traits>

#include "tests/support/hex.hpp"

namespace {

struct OneTag;
struct OtherTag;
using OneKey = base::SecretKey<OneTag, 4>;
using OtherKey = base::SecretKey<OtherTag, 4>;

template <class Key>
concept IsStreamed = requires(std::ostream& out, const Key& key) { out << key; };
template <class Key>
concept IsCompared = requires(const Key& a, const OneKey& b) { a == b; };

// Keys are moved, never copied, and cannot be printed; and a key of one purpose is not a key of another.
template <class Key>
constexpr bool is_kept_secret = !std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key> &&
                                std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key> &&
                                !IsStreamed<Key> && !fmt::is_formattable<Key>::value;
static_assert(is_kept_secret<OneKey>);
static_assert(is_kept_secret<base::SecretBytes>);
static_assert(IsStreamed<int>, "the concept itself sees what can be printed");
static_assert(!std::is_default_constructible_v<OneKey>);
static_assert(!std::is_constructible_v<OneKey, OtherKey&&> && !std::is_convertible_v<OtherKey&&, OneKey>);
static_assert(!std::is_assignable_v<OneKey&, OtherKey&&>);
static_assert(IsCompared<OneKey> && !IsCompared<OtherKey>);
static_assert(!std::is_convertible_v<OneKey, base::BytesView>, "the octets come through reveal() alone");

bool is_zero(base::BytesView octets) {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

}  // namespace

TEST_CASE("A text that may hold a secret is overwritten and emptied", "[base][secret]") {
  std::string text = "a secret that is longer than what stands in the string itself";
  const std::size_t size = text.size();
  const char* const where = text.data();
  base::wipe(text);
  CHECK(text.empty());
  CHECK(text.data() == where);  // its room is still its own
  CHECK(std::all_of(where, where + size, [](char c) { return c == 0; }));
  base::wipe(text);  // an empty one as well
}

TEST_CASE("A key that is moved leaves zeros behind", "[base][secret]") {
  OneKey from = test::key<OneKey>("01020304");
  OneKey constructed(std::move(from));
  CHECK(test::hex_of(constructed) == "01020304");
  CHECK(is_zero(from.reveal()));

  OneKey assigned = test::key<OneKey>("aabbccdd");
  assigned = std::move(constructed);
  CHECK(test::hex_of(assigned) == "01020304");
  CHECK(is_zero(constructed.reveal()));

  OneKey& same = assigned;
  assigned = std::move(same);
  CHECK(test::hex_of(assigned) == "01020304");
}

TEST_CASE("A key may be written in place", "[base][secret]") {
  const auto key = OneKey::written_by([](std::span<std::uint8_t, 4> out) { std::fill(out.begin(), out.end(), 7); });
  CHECK(test::hex_of(key) == "07070707");
}

TEST_CASE("Keys are equal if each octet is", "[base][secret]") {
  const auto key = test::key<OneKey>("01020304");
  CHECK(key == test::key<OneKey>("01020304"));
  CHECK_FALSE(key == test::key<OneKey>("81020304"));
  CHECK_FALSE(key == test::key<OneKey>("01020305"));
  CHECK(base::equal_in_constant_time(test::bytes(""), test::bytes("")));
  CHECK_FALSE(base::equal_in_constant_time(test::bytes("01"), test::bytes("0100")));
}

TEST_CASE("Secret octets that are moved leave nothing behind", "[base][secret]") {
  base::SecretBytes from(test::bytes("0102030405"));
  base::SecretBytes to(std::move(from));
  CHECK(to == base::SecretBytes(test::bytes("0102030405")));
  CHECK(from.size() == 0);

  base::SecretBytes assigned(test::bytes("ff"));
  assigned = std::move(to);
  CHECK(assigned.size() == 5);
  CHECK(to.size() == 0);
}

TEST_CASE("Secret octets are truncated, and what lies beyond is wiped", "[base][secret]") {
  base::SecretBytes octets(test::bytes("0102030405"));
  const std::uint8_t* const beyond = octets.reveal().data() + 3;
  octets.truncate(9);
  CHECK(octets.size() == 5);
  octets.truncate(3);
  CHECK(octets == base::SecretBytes(test::bytes("010203")));
  CHECK(octets.reveal().data() + 3 == beyond);
  octets.truncate(0);
  CHECK(octets.size() == 0);
}

TEST_CASE("Octets are wiped", "[base][secret]") {
  auto octets = test::bytes("010203");
  base::wipe(std::span(octets).subspan(1));
  CHECK(octets == test::bytes("010000"));
  base::wipe({});
}

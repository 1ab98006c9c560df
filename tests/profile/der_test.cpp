#include "lib/profile/der.hpp"

#include <catch2/catch.hpp>

#include "tests/support/hex.hpp"

using profile::der::DerError;
using profile::der::Reader;
using profile::der::Tag;
using test::bytes;

namespace {

/// What the reader makes of one element that fills `hex`: the size of its content.
std::size_t size_of_one(std::string_view hex, Tag tag) {
  const base::Bytes octets = bytes(hex);
  Reader reader(octets);
  const std::size_t size = reader.read(tag).size();
  reader.finish();
  return size;
}

}  // namespace

TEST_CASE("A DER element of each form of length is written and read alike", "[profile][der]") {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U}) {
    const base::Bytes content(size, 0xA5);
    for (const Tag tag : {Tag::sequence, Tag::application_55}) {
      const base::Bytes encoded = profile::der::encode(tag, content);
      Reader reader(encoded);
      const auto read = reader.read(tag);
      CHECK(base::Bytes(read.begin(), read.end()) == content);
      CHECK_NOTHROW(reader.finish());
    }
  }
  CHECK_THROWS_AS(profile::der::encode(Tag::sequence, base::Bytes(65536)), DerError);
}

TEST_CASE("A DER length has the shortest form", "[profile][der]") {
  CHECK(size_of_one("040100", Tag::octet_string) == 1);
  CHECK_THROWS_AS(size_of_one("04810100", Tag::octet_string), DerError);
  CHECK_THROWS_AS(size_of_one("0482000100", Tag::octet_string), DerError);
  CHECK_THROWS_AS(size_of_one("048300000100", Tag::octet_string), DerError);
  CHECK_THROWS_AS(size_of_one("04800000", Tag::octet_string), DerError);        // indefinite
  CHECK_THROWS_AS(size_of_one("0484ffffffff00", Tag::octet_string), DerError);  // four octets
  CHECK_THROWS_AS(size_of_one("04ff00", Tag::octet_string), DerError);          // reserved
  CHECK_THROWS_AS(size_of_one("04817f" + std::string(254, '0'), Tag::octet_string), DerError);
  CHECK(size_of_one("048180" + std::string(256, '0'), Tag::octet_string) == 128);
  CHECK_THROWS_AS(size_of_one("048200ff" + std::string(510, '0'), Tag::octet_string), DerError);
  CHECK(size_of_one("04820100" + std::string(512, '0'), Tag::octet_string) == 256);
}

TEST_CASE("A DER element that is missing, cut short or of another tag is refused", "[profile][der]") {
  for (const char* hex : {"", "04", "0401", "0481", "048180", "0482", "048201", "04820100"}) {
    CHECK_THROWS_AS(size_of_one(hex, Tag::octet_string), DerError);
  }
  for (const char* hex : {"", "5f", "5f37", "5f3701", "5f370100ff", "5f490100", "7f370100", "1f370100"}) {
    CHECK_THROWS_AS(size_of_one(hex, Tag::application_55), DerError);
  }
  CHECK_THROWS_AS(size_of_one("240100", Tag::octet_string), DerError);    // constructed
  CHECK_THROWS_AS(size_of_one("04010000", Tag::octet_string), DerError);  // an octet too many
  const base::Bytes octets = bytes("0402abcd");
  CHECK_THROWS_AS(Reader(octets).read(Tag::octet_string, 1), DerError);
  CHECK_THROWS_AS(Reader(octets).read(Tag::octet_string, 3), DerError);
  CHECK(Reader(octets).read(Tag::octet_string, 2).size() == 2);
  CHECK(Reader(octets).read_whole(Tag::octet_string).size() == 4);
}

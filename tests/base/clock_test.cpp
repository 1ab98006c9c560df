#include "lib/base/clock.hpp"

#include <catch2/catch.hpp>

TEST_CASE("Times are written in RFC 3339, UTC, with milliseconds", "[base][clock]") {
  const auto [ms, text] = GENERATE(table<std::int64_t, std::string>({{0, "1970-01-01T00:00:00.000Z"},
                                                                     {1, "1970-01-01T00:00:00.001Z"},
                                                                     {1767225600000, "2026-01-01T00:00:00.000Z"},
                                                                     {1795478667123, "2026-11-24T00:04:27.123Z"},
                                                                     {951782399999, "2000-02-28T23:59:59.999Z"},
                                                                     {951782400000, "2000-02-29T00:00:00.000Z"},
                                                                     {253402300799999, "9999-12-31T23:59:59.999Z"},
                                                                     {-1, "1969-12-31T23:59:59.999Z"},
                                                                     {-1000, "1969-12-31T23:59:59.000Z"}}));
  CHECK(base::to_rfc3339(base::from_unix_ms(ms)) == text);
  CHECK(base::to_unix_ms(base::from_unix_ms(ms)) == ms);
}

TEST_CASE("The machine's clock does not stand before this test was written", "[base][clock]") {
  CHECK(base::to_unix_ms(base::system_now()) > 1700000000000);
}

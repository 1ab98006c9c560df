#include <catch2/catch.hpp>

#include "lib/sbi/client.hpp"

using sbi::Uri;

TEST_CASE("A URI is split", "[sbi][uri]") {
  struct Row {
    std::string text, host, port, path, origin;
  };
  const auto row = GENERATE(values<Row>({
      {"http://127.0.0.1:7777", "127.0.0.1", "7777", "", "http://127.0.0.1:7777"},
      {"http://arpf.example/", "arpf.example", "80", "", "http://arpf.example"},
      {"https://arpf.example/a/b//", "arpf.example", "443", "/a/b", "https://arpf.example"},
      {"https://arpf.example:80/a", "arpf.example", "80", "/a", "https://arpf.example:80"},
      {"http://arpf.example:80", "arpf.example", "80", "", "http://arpf.example"},
      {"http://[::1]:1/x", "::1", "1", "/x", "http://[::1]:1"},
      {"https://[2001:db8::1]", "2001:db8::1", "443", "", "https://[2001:db8::1]"},
      {"http://h:65535/%20", "h", "65535", "/%20", "http://h:65535"},
  }));
  CAPTURE(row.text);
  const auto uri = Uri::parse(row.text);
  CHECK(uri.host == row.host);
  CHECK(uri.port == row.port);
  CHECK(uri.path == row.path);
  CHECK(uri.origin() == row.origin);
}

TEST_CASE("What is no URI for a request is refused", "[sbi][uri]") {
  const std::string text = GENERATE(as<std::string>(), "", "arpf", "//arpf", "ftp://arpf", "HTTP://arpf", "http:/arpf", "http://", "http:///path", "http://:80",
                                    "http://user@arpf", "http://arpf:", "http://arpf:0", "http://arpf:65536", "http://arpf:99999",
                                    "http://arpf:8x", "http://arpf:-1", "http://arpf:100000", "http://a b", "http://a\n", "http://arpf/a b",
                                    "http://arpf/?q", "http://arpf?q", "http://arpf/#f", "http://arpf/\x7f", "http://[::1", "http://[]:80",
                                    "http://a:1:2", "http://[::1]x", "http://[::1]x:80", "http://a[b]:80", "http://::1");
  CAPTURE(text);
  CHECK_THROWS_AS(Uri::parse(text), std::invalid_argument);
}

TEST_CASE("A request goes to the path under the URI", "[sbi][uri]") {
  const auto uri = Uri::parse("https://[::1]:7777/root/");
  const auto get = sbi::make_request("GET", uri, "/a?b=c");
  CHECK(get.target == "/root/a?b=c");
  CHECK(get.scheme == "https");
  CHECK(get.authority == "[::1]:7777");
  CHECK_FALSE(get.headers.find("content-type"));
  const auto put = sbi::make_request("PUT", uri, "/a", "{}");
  CHECK(put.headers.find("content-type") == std::optional<std::string_view>("application/json"));
  CHECK(put.body == "{}");
}

TEST_CASE("A URI says whether its host is this machine", "[sbi][uri]") {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "[::1]", "localhost"}) CHECK(sbi::Uri::parse("http://" + std::string(host) + ":1").is_at_loopback());
  for (const char* host : {"128.0.0.1", "10.0.0.1", "[::2]", "[fe80::1]", "0.0.0.0", "localhost.example", "ausf"}) {
    CHECK_FALSE(sbi::Uri::parse("http://" + std::string(host) + ":1").is_at_loopback());
  }
}

TEST_CASE("An address, and no name, is said to be at loopback", "[sbi][uri]") {
  for (const char* text : {"127.0.0.1", "127.255.0.9", "::1"}) CHECK(sbi::is_loopback_address(text));
  for (const char* text : {"localhost", "127.0.0.1.example", "127.1", "[::1]", "10.0.0.1", "0.0.0.0", "::", ""}) CHECK_FALSE(sbi::is_loopback_address(text));
}

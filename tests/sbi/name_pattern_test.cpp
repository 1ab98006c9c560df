#include "lib/sbi/name_pattern.hpp"

#include <catch2/catch.hpp>
#include <string>

TEST_CASE("A name pattern is a name, or an asterisk for the first label", "[sbi][tls]") {
  for (const char* text : {"ausf.example", "urn:uuid:1", "the client", "*.example.org", "*.org"}) {
    CAPTURE(text);
    CHECK(sbi::is_name_pattern(text));
  }
  for (const char* text : {"", "*", "*.", "*..org", "a*.example.org", "a.*.org", "*.*.org", "*example.org", "a.example.*"}) {
    CAPTURE(text);
    CHECK_FALSE(sbi::is_name_pattern(text));
  }
}

TEST_CASE("A pattern without an asterisk is for its name alone", "[sbi][tls]") {
  CHECK(sbi::matches_name("ausf.example", "ausf.example"));
  for (const char* name : {"", "AUSF.example", "ausf.exampl", "ausf.example.", "x.ausf.example", "usf.example"}) {
    CAPTURE(name);
    CHECK_FALSE(sbi::matches_name("ausf.example", name));
  }
  CHECK(sbi::matches_name("urn:uuid:1", "urn:uuid:1"));
}

TEST_CASE("An asterisk stands for one label, neither for none nor for two", "[sbi][tls]") {
  const std::string pattern = "*.a.example";
  for (const char* name : {"ausf.a.example", "AMF-1.a.example", "x_1.a.example"}) {
    CAPTURE(name);
    CHECK(sbi::matches_name(pattern, name));
  }
  for (const char* name : {"a.example", ".a.example", "x.ausf.a.example", "ausf.b.example", "ausf.A.example", "ausf.a.example.", "ausfa.example",
                           "ausf"}) {
    CAPTURE(name);
    CHECK_FALSE(sbi::matches_name(pattern, name));
  }
  SECTION("and a label has no characters that DNS names have not") {
    for (const char* name : {"*.a.example", "urn:x.a.example", "spiffe://b/x.a.example", "the client.a.example"}) {
      CAPTURE(name);
      CHECK_FALSE(sbi::matches_name(pattern, name));
    }
  }
}

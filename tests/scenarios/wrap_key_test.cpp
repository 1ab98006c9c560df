#include "nf-ausf-ext/wrap_key.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "lib/crypto/cms.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"

using Catch::Contains;
using crypto::KeyUsage;

namespace {

struct WrapKeyFixture {
  [[nodiscard]] std::string opened() const {
    const std::string envelope = test::read_text(out);
    return base::to_hex(crypto::open_envelope(base::as_bytes(envelope), own.certificate, own.key).reveal());
  }
  test::TemporaryFolder folder;
  test::Identity own = test::identity(test::template_for("kek-wrap", {KeyUsage::key_agreement}), crypto::Curve::p256);
  std::string certificate = folder.write("own.pem", own.certificate.pem());
  std::string out = folder / "kek.cms";
};

const std::string kDigits = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

}  // namespace

TEST_CASE_METHOD(WrapKeyFixture, "wrap-key wraps the key of a file for a certificate", "[ausf-ext][wrap-key]") {
  ausf_ext::wrap_key(certificate, folder.write("kek.hex", kDigits + "\n"), out);
  CHECK(opened() == kDigits);
  struct stat status {};
  REQUIRE(stat(out.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE_METHOD(WrapKeyFixture, "wrap-key makes a new key each time, and overwrites none", "[ausf-ext][wrap-key]") {
  ausf_ext::wrap_key(certificate, std::nullopt, out);
  const std::string first = opened();
  CHECK(first.size() == 64);
  CHECK_THROWS_WITH(ausf_ext::wrap_key(certificate, std::nullopt, out), Contains("cannot make " + out));
  CHECK(opened() == first);
  out = folder / "second.cms";
  ausf_ext::wrap_key(certificate, std::nullopt, out);
  CHECK(opened() != first);
}

TEST_CASE_METHOD(WrapKeyFixture, "wrap-key says what it was given wrongly, and makes no file", "[ausf-ext][wrap-key]") {
  const auto signing = test::identity(test::template_for("signing", {KeyUsage::digital_signature}), crypto::Curve::p256);
  CHECK_THROWS_WITH(ausf_ext::wrap_key(folder.write("signing.pem", signing.certificate.pem()), std::nullopt, out), Contains("keyAgreement"));
  CHECK_THROWS_WITH(ausf_ext::wrap_key("/absent.pem", std::nullopt, out), Contains("/absent.pem"));
  CHECK_THROWS_WITH(ausf_ext::wrap_key(certificate, "/absent.hex", out), Contains("/absent.hex cannot be read"));
  CHECK_THROWS_WITH(ausf_ext::wrap_key(certificate, folder.write("kek.hex", "x" + kDigits), out), Contains("64 hex digits"));
  CHECK_THROWS_AS(ausf_ext::wrap_key_command().run("", {{"out", out}}), service::ConfigError);
  CHECK_THROWS_AS(ausf_ext::wrap_key_command().run("", {{"certificate", certificate}}), service::ConfigError);
  CHECK(test::read_text(out).empty());
}

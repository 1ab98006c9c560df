#include "lib/crypto/cms.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/certificates.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/openssl_cms.hpp"

using base::Bytes;
using crypto::CryptoError;
using crypto::Curve;
using crypto::KeyUsage;
using test::kCurves;
using test::reveal;

namespace {

// TBCD(dIMSI) || eK, as the profile puts it into an envelope.
const Bytes kContent = test::bytes("09710000000000f1c31e11220e8577636a608faf890f69dc");

test::Identity operator_on(Curve curve) {
  return test::identity(test::template_for("MNO", {KeyUsage::key_agreement}), curve);
}

test::Identity arpf_on(Curve curve) {
  return test::identity(test::template_for("ARPF", {KeyUsage::digital_signature}), curve);
}

bool contains(const Bytes& whole, const Bytes& part) {
  return std::search(whole.begin(), whole.end(), part.begin(), part.end()) != whole.end();
}

// A folder for files that the openssl command line tool reads and writes; gone when the test is.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "first-attach-cms-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the test");
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  void write(const char* name, base::BytesView octets) const {
    std::ofstream(path_ / name, std::ios::binary) << base::as_text(octets);
  }
  [[nodiscard]] Bytes read(const char* name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  // Runs `openssl <arguments>` in the folder; true if it succeeds.
  [[nodiscard]] bool openssl(const std::string& arguments) const {
    const std::string command = "cd '" + path_.string() + "' && openssl " + arguments + " >log 2>&1";
    return std::system(command.c_str()) == 0;
  }

 private:
  std::filesystem::path path_;
};

bool have_openssl_tool() {
  if (std::system("openssl version >/dev/null 2>&1") == 0) return true;
  WARN("skipped: there is no openssl command line tool");
  return false;
}

}  // namespace

TEST_CASE("An envelope opens for its recipient, on every curve", "[crypto][cms]") {
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const auto mno = operator_on(curve);
    for (const auto& content : {kContent, Bytes{}, Bytes(1000, 0xa5)}) {
      const Bytes envelope = crypto::envelop(content, mno.certificate);
      CHECK(reveal(crypto::open_envelope(envelope, mno.certificate, mno.key)) == content);
      CHECK(crypto::envelop(content, mno.certificate) != envelope);
    }
    CHECK_FALSE(contains(crypto::envelop(kContent, mno.certificate), kContent));
  }
}

TEST_CASE("An envelope has the form that the profile demands", "[crypto][cms]") {
  const auto mno = operator_on(Curve::p256);
  const Bytes envelope = crypto::envelop(kContent, mno.certificate);
  // ContentInfo: id-smime-ct-authEnvelopedData, then [0], version 0, one recipient [1] of version 3.
  CHECK(contains(envelope, test::bytes("060b2a864886f70d0109100117a0")));
  // dhSinglePass-stdDH-sha256kdf-scheme with id-aes256-wrap without parameters.
  CHECK(contains(envelope, test::bytes("301506062b8104010b01300b060960864801650304012d")));
  // id-data, id-aes256-GCM, a nonce of 12 octets and ICVlen 16, written out.
  CHECK(contains(envelope, test::bytes("06092a864886f70d010701301e060960864801650304012e3011040c")));
  CHECK(contains(envelope, test::bytes("0201108018")));
  CHECK(contains(envelope, mno.certificate.issuer_and_serial()));
}

TEST_CASE("An envelope opens for nobody else, nor when anything of it was changed", "[crypto][cms]") {
  const auto mno = operator_on(Curve::p256);
  const auto other = operator_on(Curve::p256);
  const auto of_other_curve = operator_on(Curve::p384);
  const Bytes envelope = crypto::envelop(kContent, mno.certificate);
  CHECK_THROWS_AS(crypto::open_envelope(envelope, other.certificate, other.key), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope(envelope, mno.certificate, other.key), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope(envelope, other.certificate, mno.key), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope(envelope, mno.certificate, of_other_curve.key), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope({}, mno.certificate, mno.key), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope(base::concatenate(envelope, test::bytes("00")), mno.certificate, mno.key),
                  CryptoError);
  for (std::size_t size = 0; size < envelope.size(); ++size) {
    CHECK_THROWS_AS(crypto::open_envelope(base::BytesView(envelope).first(size), mno.certificate, mno.key),
                    CryptoError);
  }
  for (std::size_t at = 0; at < envelope.size(); ++at) {
    for (const std::uint8_t bit : {std::uint8_t{0x01}, std::uint8_t{0x80}}) {
      CAPTURE(at);
      Bytes changed = envelope;
      changed[at] ^= bit;
      CHECK_THROWS_AS(crypto::open_envelope(changed, mno.certificate, mno.key), CryptoError);
    }
  }
}

TEST_CASE("Contents up to the limit are taken, not above", "[crypto][cms]") {
  const auto mno = operator_on(Curve::p256);
  const auto arpf = arpf_on(Curve::p256);
  const Bytes largest(crypto::kMaxCmsContent);
  const Bytes too_large(crypto::kMaxCmsContent + 1);
  CHECK(crypto::open_envelope(crypto::envelop(largest, mno.certificate), mno.certificate, mno.key).size() ==
        largest.size());
  CHECK_THROWS_AS(crypto::envelop(too_large, mno.certificate), CryptoError);
  CHECK(crypto::verify_attached(crypto::sign_attached(largest, arpf.certificate, arpf.key, test::kNow)).content ==
        largest);
  CHECK_THROWS_AS(crypto::sign_detached(too_large, arpf.certificate, arpf.key, test::kNow), CryptoError);
  CHECK_THROWS_AS(crypto::open_envelope(Bytes(1 << 20), mno.certificate, mno.key), CryptoError);
  CHECK_THROWS_AS(crypto::verify_attached(Bytes(1 << 20)), CryptoError);
}

TEST_CASE("A detached signature says who signed, and when", "[crypto][cms]") {
  using namespace std::chrono_literals;
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const auto arpf = arpf_on(curve);
    const Bytes content = test::bytes("0d0a0a00ff");
    const Bytes signature = crypto::sign_detached(content, arpf.certificate, arpf.key, test::kNow + 999ms);
    CHECK_FALSE(contains(signature, content));
    const auto by = crypto::verify_detached(signature, content);
    CHECK(by.signer == arpf.certificate);
    CHECK(by.signing_time == test::kNow);

    CHECK_THROWS_AS(crypto::verify_detached(signature, test::bytes("0d0a0a00fe")), CryptoError);
    CHECK_THROWS_AS(crypto::verify_detached(signature, test::bytes("0a0a00ff")), CryptoError);
    CHECK_THROWS_AS(crypto::verify_detached(signature, {}), CryptoError);
    CHECK_THROWS_AS(crypto::verify_detached(base::concatenate(signature, test::bytes("00")), content), CryptoError);
    CHECK_THROWS_AS(crypto::verify_detached(base::BytesView(signature).first(signature.size() - 1), content),
                    CryptoError);
    CHECK_THROWS_AS(crypto::verify_attached(signature), CryptoError);
  }
}

TEST_CASE("Signing times before and after 2050 are kept", "[crypto][cms]") {
  const auto arpf = arpf_on(Curve::p256);
  for (const int years : {-30, 0, 23, 25, 5000}) {
    const auto at = test::after_years(years);
    CHECK(crypto::verify_detached(crypto::sign_detached(kContent, arpf.certificate, arpf.key, at), kContent)
              .signing_time == at);
  }
}

TEST_CASE("A key that is not the signer's does not sign", "[crypto][cms]") {
  const auto arpf = arpf_on(Curve::p256);
  CHECK_THROWS_AS(crypto::sign_detached(kContent, arpf.certificate, arpf_on(Curve::p256).key, test::kNow), CryptoError);
  CHECK_THROWS_AS(crypto::sign_detached(kContent, arpf.certificate, arpf_on(Curve::p384).key, test::kNow), CryptoError);
}

namespace {

// A signature object cut before its last octet string, which is the signature; its length with it.
std::pair<Bytes, std::size_t> without_signature(const Bytes& object, Curve curve) {
  const std::size_t half = crypto::field_size(curve);
  for (std::size_t size = 2 * half; size <= 2 * half + 8; ++size) {
    const std::size_t at = object.size() - size - 2;
    if (object[at] == 0x04 && object[at + 1] == size && object[at + 2] == 0x30) return {{object.begin(), object.end() - static_cast<std::ptrdiff_t>(size)}, size};
  }
  throw std::runtime_error("the object does not end with a signature");
}

}  // namespace

TEST_CASE("Signature objects are those that OpenSSL writes, octet by octet but for the signature itself", "[crypto][cms]") {
  const Bytes content = base::concatenate(kContent, Bytes(500, 0xa5));
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const auto arpf = arpf_on(curve);
    for (const auto at : {test::kNow, test::after_years(40)}) {
      for (const unsigned flags : {unsigned{CMS_DETACHED}, 0U}) {
        const auto plain = without_signature(test::sign_by_openssl(content, arpf.certificate, arpf.key, at, flags), curve);
        // Signatures differ in length by an octet or two; lengths around them with them.
        std::pair<Bytes, std::size_t> ours;
        for (int i = 0; i < 1000 && ours.second != plain.second; ++i) {
          ours = without_signature(flags == 0 ? crypto::sign_attached(content, arpf.certificate, arpf.key, at)
                                              : crypto::sign_detached(content, arpf.certificate, arpf.key, at),
                                   curve);
        }
        CHECK(ours.first == plain.first);
      }
    }
    CHECK(crypto::verify_detached(test::sign_by_openssl(content, arpf.certificate, arpf.key, test::kNow, CMS_DETACHED), content).signer ==
          arpf.certificate);
  }
}

TEST_CASE("An attached signature brings its content", "[crypto][cms]") {
  for (const Curve curve : kCurves) {
    const auto provider = arpf_on(curve);
    const Bytes object = crypto::sign_attached(kContent, provider.certificate, provider.key, test::kNow);
    const auto read = crypto::verify_attached(object);
    CHECK(read.content == kContent);
    CHECK(read.by.signer == provider.certificate);
    CHECK(read.by.signing_time == test::kNow);
    CHECK_THROWS_AS(crypto::verify_detached(object, kContent), CryptoError);

    Bytes changed = object;
    const auto at = std::search(changed.begin(), changed.end(), kContent.begin(), kContent.end());
    REQUIRE(at != changed.end());
    *at ^= 1;
    CHECK_THROWS_AS(crypto::verify_attached(changed), CryptoError);
  }
}

TEST_CASE("A changed signature object never vouches for another content, signer or time", "[crypto][cms]") {
  const auto arpf = arpf_on(Curve::p256);
  const Bytes signature = crypto::sign_detached(kContent, arpf.certificate, arpf.key, test::kNow);
  for (std::size_t at = 0; at < signature.size(); ++at) {
    Bytes changed = signature;
    changed[at] ^= 0x01;
    try {
      const auto by = crypto::verify_detached(changed, kContent);
      // What may change unseen here is the certificate alone, which the chain check of the caller covers.
      CAPTURE(at);
      CHECK(by.signing_time == test::kNow);
      CHECK(by.signer.public_key().point() == arpf.key.public_key().point());
      CHECK_FALSE(by.signer == arpf.certificate);
    } catch (const CryptoError&) {
    }
  }
}

TEST_CASE("The quick way to verify a signature gives the verdict of the plain one, whatever is changed", "[crypto][cms]") {
  struct Verdict {
    std::optional<crypto::Certificate> signer;
    base::Time signing_time;
    bool operator==(const Verdict&) const = default;
  };
  const auto verdict_of = [](auto verify) -> Verdict {
    try {
      const crypto::SignedBy by = verify();
      return {by.signer, by.signing_time};
    } catch (const CryptoError&) {
      return {};
    }
  };
  const Bytes other = test::bytes("0a0a00ff");
  for (const Curve curve : kCurves) {
    const auto arpf = arpf_on(curve);
    crypto::KnownCertificates known;
    const auto check_same = [&](const Bytes& object, base::BytesView content) {
      const Verdict quick = verdict_of([&] { return crypto::verify_detached(object, content, known); });
      CHECK(quick == verdict_of([&] { return crypto::verify_detached(object, content); }));
      return quick.signer.has_value();
    };
    const base::Time after_2050 = base::from_unix_ms(2600000000000);  // a GeneralizedTime
    for (const base::Time at : {test::kNow, after_2050}) {
      CHECK(check_same(crypto::sign_detached(kContent, arpf.certificate, arpf.key, at), kContent));
    }
    CHECK(check_same(test::sign_by_openssl(kContent, arpf.certificate, arpf.key, test::kNow, CMS_DETACHED), kContent));
    CHECK_FALSE(check_same(crypto::sign_attached(kContent, arpf.certificate, arpf.key, test::kNow), kContent));
    const Bytes signature = crypto::sign_detached(kContent, arpf.certificate, arpf.key, test::kNow);
    CHECK_FALSE(check_same(signature, other));
    for (std::size_t at = 0; at < signature.size(); ++at) {
      CAPTURE(at);
      Bytes changed = signature;
      changed[at] ^= 0x01;
      check_same(changed, kContent);
      CHECK_FALSE(check_same(Bytes(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(at)), kContent));
    }
    CHECK_FALSE(check_same(base::concatenate(signature, test::bytes("00")), kContent));
  }
}

TEST_CASE("The openssl tool opens what we envelop and verifies what we sign", "[crypto][cms][tool]") {
  if (!have_openssl_tool()) return;
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const Folder folder;
    const auto ci = test::identity(test::ca_template("CI"), curve);
    const auto arpf = test::identity(test::template_for("ARPF", {KeyUsage::digital_signature}), curve, &ci);
    const auto mno = test::identity(test::template_for("MNO", {KeyUsage::key_agreement}), curve, &ci);
    folder.write("ci.pem", base::as_bytes(ci.certificate.pem()));
    folder.write("mno.pem", base::as_bytes(mno.certificate.pem()));
    folder.write("mno.key", mno.key.to_pem().reveal());
    folder.write("content", kContent);
    folder.write("envelope", crypto::envelop(kContent, mno.certificate));
    folder.write("signature", crypto::sign_detached(kContent, arpf.certificate, arpf.key, test::kNow));

    CHECK(folder.openssl("cms -decrypt -inform DER -in envelope -binary -recip mno.pem -inkey mno.key -out opened"));
    CHECK(folder.read("opened") == kContent);
    const std::string verify =
        "cms -verify -binary -inform DER -in signature -CAfile ci.pem -purpose any -attime 1767225600";
    CHECK(folder.openssl(verify + " -content content"));
    folder.write("other", Bytes(24));
    CHECK_FALSE(folder.openssl(verify + " -content other"));
  }
}

TEST_CASE("We open what the openssl tool envelops, and verify what it signs, if it keeps to the profile",
          "[crypto][cms][tool]") {
  if (!have_openssl_tool()) return;
  for (const Curve curve : kCurves) {
    CAPTURE(std::string(crypto::name(curve)));
    const Folder folder;
    const auto mno = operator_on(curve);
    const auto provider = arpf_on(curve);
    folder.write("mno.pem", base::as_bytes(mno.certificate.pem()));
    folder.write("sp.pem", base::as_bytes(provider.certificate.pem()));
    folder.write("sp.key", provider.key.to_pem().reveal());
    const auto second = arpf_on(curve);
    folder.write("second.pem", base::as_bytes(second.certificate.pem()));
    folder.write("second.key", second.key.to_pem().reveal());
    folder.write("content", kContent);

    const std::string encrypt = "cms -encrypt -binary -outform DER -in content -out envelope ";
    const auto open = [&] { return crypto::open_envelope(folder.read("envelope"), mno.certificate, mno.key); };
    REQUIRE(folder.openssl(encrypt + "-aes-256-gcm -recip mno.pem -keyopt ecdh_kdf_md:sha256"));
    CHECK(reveal(open()) == kContent);
    REQUIRE(folder.openssl(encrypt + "-aes-256-gcm -recip mno.pem -keyopt ecdh_kdf_md:sha1"));
    CHECK_THROWS_AS(open(), CryptoError);
    REQUIRE(folder.openssl(encrypt + "-aes-128-gcm -recip mno.pem -keyopt ecdh_kdf_md:sha256"));
    CHECK_THROWS_AS(open(), CryptoError);
    REQUIRE(folder.openssl(encrypt + "-aes-256-cbc -recip mno.pem -keyopt ecdh_kdf_md:sha256"));
    CHECK_THROWS_AS(open(), CryptoError);
    REQUIRE(folder.openssl(encrypt + "-aes-256-gcm -keyid -recip mno.pem -keyopt ecdh_kdf_md:sha256"));
    CHECK_THROWS_AS(open(), CryptoError);

    const std::string hash = curve == Curve::p384 ? "sha384" : "sha256";
    const std::string other_hash = curve == Curve::p384 ? "sha256" : "sha384";
    const std::string sign = "cms -sign -binary -outform DER -in content -out signature -signer sp.pem -inkey sp.key ";
    REQUIRE(folder.openssl(sign + "-nodetach -md " + hash));
    CHECK(crypto::verify_attached(folder.read("signature")).content == kContent);
    REQUIRE(folder.openssl(sign + "-md " + hash));
    CHECK(crypto::verify_detached(folder.read("signature"), kContent).signer == provider.certificate);
    REQUIRE(folder.openssl(sign + "-md " + other_hash));
    CHECK_THROWS_AS(crypto::verify_detached(folder.read("signature"), kContent), CryptoError);
    REQUIRE(folder.openssl(sign + "-nocerts -md " + hash));
    CHECK_THROWS_AS(crypto::verify_detached(folder.read("signature"), kContent), CryptoError);
    REQUIRE(folder.openssl(sign + "-noattr -md " + hash));
    CHECK_THROWS_AS(crypto::verify_detached(folder.read("signature"), kContent), CryptoError);
    REQUIRE(folder.openssl(sign + "-signer second.pem -inkey second.key -md " + hash));
    CHECK_THROWS_AS(crypto::verify_detached(folder.read("signature"), kContent), CryptoError);
  }
}

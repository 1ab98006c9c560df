#include "lib/crypto/jws.hpp"

#include <catch2/catch.hpp>

#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"

using base::Bytes;
using crypto::CryptoError;
using crypto::Curve;
using crypto::JwsAlgorithm;
using crypto::JwsVerifyingKey;
using crypto::PrivateKey;

namespace {

// RFC 7515, appendix A.3.1: the public key of its JWK as SubjectPublicKeyInfo.
const std::string kEcKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";

// RFC 7515, A.3.1: {"alg":"ES256"}, the payload that all of its examples have, and the signature.
const std::string kEs256Token =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEh"
    "U3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

// RFC 7515, A.2.1: the public key of its JWK as SubjectPublicKeyInfo, of 2048 bits.
const std::string kRsaKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n"
    "NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n"
    "P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n"
    "9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n"
    "EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n"
    "FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n"
    "oQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

// A certificate for the same key, that has expired.
const std::string kRsaCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIClTCCAX2gAwIBAgIBATANBgkqhkiG9w0BAQsFADAOMQwwCgYDVQQDDANOUkYw\n"
    "HhcNMjUwMTAxMDAwMDAwWhcNMjYwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANOUkYw\n"
    "ggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCh+BYK4uPJtGXOjS1lYmM2\n"
    "K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM/\n"
    "U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3\n"
    "AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQ\n"
    "xrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW\n"
    "9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emh\n"
    "AgMBAAEwDQYJKoZIhvcNAQELBQADggEBAIPW+F91O4EBkXPUqbnKk//O4+jhVB2y\n"
    "K+4Mks6cL5ZEGnqZF9fq1VOL092X4l9sCrZojay8V+G5MTR6OnA7+5yH1Krt1g1R\n"
    "QrEBfrKukyF7kI77ZblP9t2Zmges5joJw1lbWrCaPKSIU216I/A6AF60r1f3dhbf\n"
    "mi+FXhZ8MeNMpmS+7g0yxztO2N9o7fUo+WI3UUPjsMsn5h75Hau56+UICjk2gP+7\n"
    "JeAR1bQc2biIy0W/1T7AJW+zDRQaB+kuWQLoWXiH02+cY2wdIJ7cpHq80BQJ08Za\n"
    "n0UJ4HtBT9Zl7PLjaZc4ZPxoKQDAXVi3hwP2fUZtXQC61lsvG6lz6K8=\n"
    "-----END CERTIFICATE-----\n";

// RFC 7515, A.2.1: {"alg":"RS256"}.
const std::string kRs256Token =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4h"
    "iUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB"
    "YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZES"
    "c6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

// The private key of A.2.1 with the other two hashes, by OpenSSL.
const std::string kRs384Token =
    "eyJhbGciOiJSUzM4NCJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.UqgN"
    "jrJOGhk4wfoSG6Uvrt9GcKu-TgPwInExALrMBadg1pol1uTw7mZADTddAWsC6ZzdFiTFUmIi7DuD38ftLAZoW4qezdAO7RYf1yZDsbT20bt8DJJN1I4VovL2"
    "PLg80B6x6ug-kaW8k5LaM5ce0dk1zgWhjafKC3Mb4UNLL8f9fqVMkHpdWYRjF6QjTz12Ap-gq-tPyUoWSdvzCIYOcZ9-08SQQdUTTgsNF1Qwu3TqeWPqzNJw"
    "mWHiHMmaV8I4ktMFEX-AiEBa55KsfYTx0jSbTHP-odqmnLQJ4n-oQJ2RSXy0HQP6BkdiwDHdoMUk4z_wAeOsfDTs_mLxTgOInQ";
const std::string kRs512Token =
    "eyJhbGciOiJSUzUxMiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.ZatQ"
    "fsb2gyCu3y9cDuz59a-IKm4bkqtT0HuT8BpNlPCmA3Y2eH91CVSI0TbkPqI9v2jaXuWvPcoJGNRtTpUXafTAbqzxWSMjqx8SkJRTuUz6imaHBctra42j2AvJ"
    "1t7qJwf2NN49y9PZbkYn3ejhU-iCmKJ3J-_GLsYp5VlximYm-o3sMul0tyCMvHUdmuWvadnVEaio-jix3pXYWfyFC8tp19zZrTaofxTAzCqlqundx22tfsuq"
    "chto_zVnZk_ZBr1R5lr29Qle5JgLmRkfDNbVSQZFdwg6mSlODL8BrOiM_vreMaPCO8U_JGezKUob0ONv7DA7XDfpbaXaFsHipQ";

// RSASSA-PSS with SHA-256 over what the token of A.2.1 signs, by OpenSSL.
const std::string kPssSignature =
    "XRj5sUGki-1wtifnq0x7KF0cs2RUwOtAIntmjuMNTOJELCoM9S0wrIcMin44NlcklH6xopCnhurr1GEfKGuXkrxDxM0mGNf6AAsub4_QFY9yobaSaXMkr-u4"
    "FTcgKnsxm2acOFe8nGBAbY6NIHW5zMzsujGOOKrpTwDqtyNbH_SeUahchEEhOO0GhC_phKzPpfIqdazYCmLhdB2Nta6RiXLD8jxafgeL_v2o-aH6ByD_Gbuq"
    "3j-n-G4t7F65Tn7Q8bZPlI7lg_SIwHaFwFmGnhGS2jNuNsdbCYM5hP-TX0HrMebKOy9CxsgovC3XyjjNiIZuVKM2QHI64j16KLOPPA";

const std::string kRsaKeyOf2047Bits =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQBiO3StwZYpmEVxk8rZvrCB\n"
    "56MXWmg/C3dsphI+cX5wgR3HuLtDuYxC0Drd7EUZH8bLRNaQGZ05y/KQ3uHH6a/P\n"
    "0hfhEFbp/u6hATXZT7GTtFgu5t1X0MG7A3FWn7bkof9WnKAJn610R+OkZsQyaWEV\n"
    "cnHjCC645tXC4PGIKS1AY07lMbXrA1k2nUhi0U681fopl+Z0UPuwul1EIgeP4Nj7\n"
    "eolyPW2fZ05wEMrrbCTdiJpQKwEGZHNdrlWT83M79g7z8LElisTNHgjD/7MPlmMf\n"
    "rKUcp/NCMA/+Jj0w7Zk0ujTeNS5ev6xQ+zT7hsJIshee8jR6IIksc1ojNS80/2E3\n"
    "AgMBAAE=\n"
    "-----END PUBLIC KEY-----\n";
const std::string kRsaPssKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAJI34zFXT9YV7YtEbHrThX3q\n"
    "f1FJVas6sj3y5Ha+AU3Hwds3vU46eURILe5D0VFK7oUDz7AJcB4DlZsqI0+BClaB\n"
    "yufonzZOEnSBKWLOipL7YfjEem2UT+KyycGALsswGs5Q8oK65bDyx/TEtWM/ucpA\n"
    "QV5/98BGk3+cErq04edWQ/cw98Zr/ke8aw8tdlcvZfy90clW8NCz/YAYUaY7ARAx\n"
    "kPuP3dp/b5T/luxaWYWC+rir5D8QcOEwdH8IbXh8/INABe3DPyfi5ueRl+G2WiR2\n"
    "aeAt8vV6zcWaQOCR98vZTs9/X/+U9Hg/PIr67JxKQj++YfkfvZsUGT5alD3z5F0C\n"
    "AwEAAQ==\n"
    "-----END PUBLIC KEY-----\n";
const std::string kEd25519Key =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAetY5JV3KdKrCRnnRyy3an1ZMlbJbdl2wYCt7WKRkMsQ=\n"
    "-----END PUBLIC KEY-----\n";

/// What a token signs, and its signature.
struct Parts {
  explicit Parts(const std::string& token)
      : input(token.substr(0, token.rfind('.'))), signature(base::from_base64url(token.substr(token.rfind('.') + 1)).value()) {}
  std::string input;
  Bytes signature;
};

bool verifies(const JwsVerifyingKey& key, const std::string& token) {
  const Parts parts(token);
  return key.verify(parts.input, parts.signature);
}

/// A key's SubjectPublicKeyInfo in PEM.
std::string public_pem(const PrivateKey& key) {
  // The DER of RFC 5480 before the point: P-256 and P-384.
  const std::string_view prefix = key.curve() == Curve::p256 ? "3059301306072a8648ce3d020106082a8648ce3d030107034200"
                                                             : "3076301006072a8648ce3d020106052b81040022036200";
  const Bytes der = base::concatenate(base::from_hex(prefix).value(), key.public_key().point());
  return "-----BEGIN PUBLIC KEY-----\n" + base::to_base64(der) + "\n-----END PUBLIC KEY-----\n";
}

std::string fault_of(const std::string& pem, JwsAlgorithm algorithm) {
  try {
    JwsVerifyingKey::from_pem(pem, algorithm);
    return "";
  } catch (const CryptoError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("The tokens that RFC 7515 publishes verify, and those of the same key with other hashes", "[crypto][jws]") {
  CHECK(verifies(JwsVerifyingKey::from_pem(kEcKey, JwsAlgorithm::es256), kEs256Token));
  for (const std::string& pem : {kRsaKey, kRsaCertificate}) {
    CHECK(verifies(JwsVerifyingKey::from_pem(pem, JwsAlgorithm::rs256), kRs256Token));
    CHECK(verifies(JwsVerifyingKey::from_pem(pem, JwsAlgorithm::rs384), kRs384Token));
    CHECK(verifies(JwsVerifyingKey::from_pem(pem, JwsAlgorithm::rs512), kRs512Token));
  }
}

TEST_CASE("A flipped bit in any part of a token makes it another one", "[crypto][jws]") {
  const auto [pem, algorithm, token] = GENERATE_COPY(table<std::string, JwsAlgorithm, std::string>({
      {kEcKey, JwsAlgorithm::es256, kEs256Token}, {kRsaKey, JwsAlgorithm::rs256, kRs256Token}}));
  const auto key = JwsVerifyingKey::from_pem(pem, algorithm);
  const Parts parts(token);
  for (const std::size_t at : {std::size_t{3}, parts.input.find('.'), parts.input.find('.') + 5}) {
    std::string input = parts.input;
    input[at] = static_cast<char>(input[at] ^ 1);
    CHECK_FALSE(key.verify(input, parts.signature));
  }
  for (std::size_t i = 0; i < parts.signature.size(); ++i) {
    Bytes signature = parts.signature;
    signature[i] ^= 1;
    CHECK_FALSE(key.verify(parts.input, signature));
  }
  CHECK(key.verify(parts.input, parts.signature));
}

TEST_CASE("A signature of another length, or form, is none", "[crypto][jws]") {
  const auto [pem, algorithm, token] = GENERATE_COPY(table<std::string, JwsAlgorithm, std::string>({
      {kEcKey, JwsAlgorithm::es256, kEs256Token}, {kRsaKey, JwsAlgorithm::rs256, kRs256Token}}));
  const auto key = JwsVerifyingKey::from_pem(pem, algorithm);
  const Parts parts(token);
  CHECK_FALSE(key.verify(parts.input, Bytes()));
  Bytes longer = parts.signature;
  longer.push_back(0);
  CHECK_FALSE(key.verify(parts.input, longer));
  longer.pop_back();
  longer.insert(longer.begin(), 0);
  CHECK_FALSE(key.verify(parts.input, longer));
  CHECK_FALSE(key.verify(parts.input, base::BytesView(parts.signature).first(parts.signature.size() - 1)));
  CHECK_FALSE(key.verify(parts.input, Bytes(parts.signature.size())));
}

TEST_CASE("An ECDSA signature in DER is none, nor an RSASSA-PSS one", "[crypto][jws]") {
  const auto own = PrivateKey::generate(GENERATE(Curve::p256, Curve::p384));
  const auto key = JwsVerifyingKey::from_pem(public_pem(own), own.curve() == Curve::p256 ? JwsAlgorithm::es256 : JwsAlgorithm::es384);
  CHECK(key.verify("a.b", crypto::sign(own, base::as_bytes("a.b"))));
  CHECK_FALSE(key.verify("a.b", crypto::sign_der(own, base::as_bytes("a.b"))));
  const auto rsa = JwsVerifyingKey::from_pem(kRsaKey, JwsAlgorithm::rs256);
  CHECK_FALSE(rsa.verify(Parts(kRs256Token).input, base::from_base64url(kPssSignature).value()));
}

TEST_CASE("A key verifies what its own algorithm signed, whatever the token says", "[crypto][jws]") {
  const auto rs256 = JwsVerifyingKey::from_pem(kRsaKey, JwsAlgorithm::rs256);
  CHECK(rs256.algorithm() == JwsAlgorithm::rs256);
  CHECK_FALSE(verifies(rs256, kRs384Token));
  CHECK_FALSE(verifies(rs256, kRs512Token));
  CHECK_FALSE(verifies(rs256, kEs256Token));
  CHECK_FALSE(verifies(JwsVerifyingKey::from_pem(kRsaKey, JwsAlgorithm::rs512), kRs256Token));
  CHECK_FALSE(verifies(JwsVerifyingKey::from_pem(kEcKey, JwsAlgorithm::es256), kRs256Token));
}

TEST_CASE("What sign_jws signs verifies under its own key alone", "[crypto][jws]") {
  const Curve curve = GENERATE(Curve::p256, Curve::p384);
  const auto algorithm = curve == Curve::p256 ? JwsAlgorithm::es256 : JwsAlgorithm::es384;
  const auto own = PrivateKey::generate(curve);
  const std::string payload = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
  const std::string token = crypto::sign_jws(own, R"({"alg":"ES256"})", payload);
  CHECK(Parts(token).input == Parts(kEs256Token).input);
  CHECK(verifies(JwsVerifyingKey::from_pem(public_pem(own), algorithm), token));
  CHECK_FALSE(verifies(JwsVerifyingKey::from_pem(public_pem(PrivateKey::generate(curve)), algorithm), token));
}

TEST_CASE("A key that does not fit its algorithm is refused", "[crypto][jws]") {
  const std::string p256 = public_pem(PrivateKey::generate(Curve::p256));
  const std::string p384 = public_pem(PrivateKey::generate(Curve::p384));
  CHECK(fault_of(p256, JwsAlgorithm::es256).empty());
  CHECK(fault_of(p384, JwsAlgorithm::es384).empty());
  CHECK(fault_of(p384, JwsAlgorithm::es256) == "ES256 wants a key on P-256, not on P-384");
  CHECK(fault_of(p256, JwsAlgorithm::es384) == "ES384 wants a key on P-384, not on P-256");
  const auto brainpool = test::identity(test::ca_template("NRF"), Curve::brainpool_p256r1).certificate.pem();
  CHECK(fault_of(brainpool, JwsAlgorithm::es256) == "ES256 wants a key on P-256, not on brainpoolP256r1");
  CHECK_FALSE(fault_of(kRsaKey, JwsAlgorithm::es256).empty());
  CHECK_FALSE(fault_of(kRsaCertificate, JwsAlgorithm::es256).empty());
  CHECK_FALSE(fault_of(kEd25519Key, JwsAlgorithm::es256).empty());
  for (const auto algorithm : {JwsAlgorithm::rs256, JwsAlgorithm::rs384, JwsAlgorithm::rs512}) {
    CHECK(fault_of(kRsaKey, algorithm).empty());
    CHECK(fault_of(kRsaKeyOf2047Bits, algorithm) == "the RSA key has fewer than 2048 bits");
    for (const std::string& pem : {p256, kEd25519Key, kRsaPssKey}) {
      CHECK(fault_of(pem, algorithm) == std::string(crypto::name(algorithm)) + " wants an RSA key");
    }
  }
}

TEST_CASE("A text is one public key or one certificate", "[crypto][jws]") {
  const auto identity = test::identity(test::ca_template("NRF"), Curve::p256);
  const std::string certificate = identity.certificate.pem();
  CHECK(fault_of(certificate, JwsAlgorithm::es256).empty());
  CHECK(fault_of("the NRF's\n" + certificate, JwsAlgorithm::es256).empty());
  const std::string secret(base::as_text(identity.key.to_pem().reveal()));
  for (const auto algorithm : {JwsAlgorithm::es256, JwsAlgorithm::rs256}) {
    for (const std::string& pem : {std::string(), std::string("garbage"), kEcKey + kEcKey, certificate + certificate, kEcKey + certificate,
                                   secret, std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
                                   std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
      CAPTURE(pem.substr(0, 40));
      CHECK_FALSE(fault_of(pem, algorithm).empty());
    }
  }
}

TEST_CASE("A key is read from a file, which a fault names", "[crypto][jws]") {
  const test::TemporaryFolder folder;
  CHECK(verifies(JwsVerifyingKey::load(folder.write("nrf.pem", kEcKey), JwsAlgorithm::es256), kEs256Token));
  CHECK(verifies(JwsVerifyingKey::load(folder.write("nrf.crt", kRsaCertificate), JwsAlgorithm::rs256), kRs256Token));
  CHECK_THROWS_WITH(JwsVerifyingKey::load(folder / "none.pem", JwsAlgorithm::es256), Catch::Contains("none.pem"));
  CHECK_THROWS_WITH(JwsVerifyingKey::load(folder / "nrf.crt", JwsAlgorithm::es256), Catch::Contains("nrf.crt"));
  CHECK_THROWS_AS(JwsVerifyingKey::load(folder.write("small.pem", kRsaKeyOf2047Bits), JwsAlgorithm::rs256), CryptoError);
}

TEST_CASE("Algorithms have the names of RFC 7518, and no others are known", "[crypto][jws]") {
  for (const auto algorithm : {JwsAlgorithm::es256, JwsAlgorithm::es384, JwsAlgorithm::rs256, JwsAlgorithm::rs384, JwsAlgorithm::rs512}) {
    CHECK(crypto::jws_algorithm_from_name(crypto::name(algorithm)) == algorithm);
  }
  CHECK(crypto::name(JwsAlgorithm::es384) == "ES384");
  for (const std::string_view other : {"", "none", "HS256", "PS256", "ES512", "es256", "ES256 "}) {
    CAPTURE(other);
    CHECK_FALSE(crypto::jws_algorithm_from_name(other));
  }
}

TEST_CASE("base64url is read strictly", "[crypto][jws]") {
  CHECK(base::from_base64url("-_8") == Bytes{0xFB, 0xFF});
  CHECK(base::from_base64url("") == Bytes());
  for (const std::string_view text : {"-_8=", "+/8", "-_9", "A", "AAAAA", "AB", "AA==", "A A", "AA\n"}) {
    CAPTURE(text);
    CHECK_FALSE(base::from_base64url(text));
  }
}

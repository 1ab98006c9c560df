// Whatever the octets, Certificate::from_der reads them as OpenSSL's parser does, and the verdict on them is the same.
// Without a corpus, libFuzzer begins with nothing: `fuzz-se_certificate_fuzz --seeds=FOLDER` writes genuine certificates there and ends.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/support/certificates.hpp"
#include "tests/support/same_certificate.hpp"

namespace {

using crypto::KeyUsage;

// A fixed key, so that the seeds of one run have the issuer's name and key identifier in the next.
test::Identity make_issuer() {
  auto key = crypto::PrivateKey::from_scalar(crypto::Curve::p256, base::Bytes(32, 0x17));
  auto certificate = crypto::issue(test::ca_template("PN"), key.public_key(), key, nullptr);
  return {std::move(certificate), std::move(key)};
}

const test::Identity& issuer() {
  static const test::Identity made = make_issuer();
  return made;
}

void write_seed(const std::string& path, const crypto::CertificateTemplate& wanted) {
  const auto der = test::identity(wanted, crypto::Curve::p256, &issuer()).certificate.der();
  std::ofstream(path, std::ios::binary) << base::as_text(der);
}

void write_seeds(const std::string& folder) {
  auto wanted = test::template_for("SE", {KeyUsage::digital_signature});
  write_seed(folder + "/plain", wanted);
  wanted.serial_number = "89049032123451234512345678901235";
  wanted.not_after = test::after_years(40);
  wanted.extensions = {{"2.5.29.32", true, {0x30, 0x04, 0x30, 0x02, 0x06, 0x00}}, {"2.5.29.19", true, {0x30, 0x00}}};
  write_seed(folder + "/gsma", wanted);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  constexpr std::string_view kSeeds = "--seeds=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view word = (*words)[i];
    if (!word.starts_with(kSeeds)) continue;
    write_seeds(std::string(word.substr(kSeeds.size())));
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto readings = test::read_twice({data, size}, issuer().certificate, {}, test::kNow);
  if (readings.strict == readings.openssl) return 0;
  std::fprintf(stderr, "strict:\n%s\nOpenSSL:\n%s\n", readings.strict.c_str(), readings.openssl.c_str());
  std::abort();
}

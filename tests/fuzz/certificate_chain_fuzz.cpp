// A chain of certificates and a revocation list, all of them the peer's: only CryptoError comes out, and the verdict is the same with and
// without what is known already, the first time and the next.
#include "lib/crypto/known_certificates.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/certificates.hpp"

namespace {

using crypto::Certificate;
using crypto::ChainFault;
using crypto::KeyUsage;

constexpr std::size_t kMaxCertificates = 6;

template <class Thing>
std::optional<Thing> read(base::BytesView der) {
  try {
    return Thing::from_der(der);
  } catch (const crypto::CryptoError&) {
    return std::nullopt;
  }
}

void check_texts(const Certificate& certificate) {
  fuzz::require(Certificate::from_pem(certificate.pem()) == certificate, "PEM gives the certificate again");
  for (const char c : certificate.subject()) fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a subject can be logged");
  (void)certificate.subject_serial_number();
  (void)certificate.has_extended_key_usage(crypto::kServerAuth);
}

void check(const std::vector<Certificate>& chain, std::span<const crypto::RevocationList> lists, crypto::KnownCertificates& known) {
  const auto wanted = KeyUsage::digital_signature;
  const auto plain = crypto::check_chain(chain, test::kNow, wanted, lists);
  for (int time = 0; time < 2; ++time) {
    const auto again = crypto::check_chain(chain, test::kNow, wanted, lists, &known);
    fuzz::require(again.fault == plain.fault && again.position == plain.position, "what is known changes no verdict");
  }
  fuzz::require(!crypto::describe(plain.fault).empty(), "each verdict has words");
  if (plain.fault != ChainFault::none) return;
  fuzz::require(chain.size() >= 2, "a chain has an anchor and an end");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const auto use = i + 1 == chain.size() ? wanted : KeyUsage::key_cert_sign;
    const ChainFault fault = crypto::check_issued_by(chain[i], chain[i - 1], test::kNow, use, lists);
    fuzz::require(fault == ChainFault::none, "each link of a chain holds");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  crypto::KnownCertificates known;
  std::vector<crypto::RevocationList> lists;
  if (auto list = read<crypto::RevocationList>(input.part())) lists.push_back(std::move(*list));
  std::vector<Certificate> chain;
  while (!input.at_end() && chain.size() < kMaxCertificates) {
    const auto der = input.part();
    const auto certificate = read<Certificate>(der);
    if (!certificate) continue;
    check_texts(*certificate);
    chain.push_back(known.read(der));
  }
  check(chain, lists, known);
  return 0;
}

// CMS objects: what opens is sealed and opened again the same; a signature is right or not whatever is known already; and only CryptoError
// comes out.
#include "lib/crypto/cms.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using base::BytesView;
using crypto::CryptoError;

/// Of the recipient; the certificate for it is the input's.
const crypto::PrivateKey& own_key() {
  static const auto key = crypto::PrivateKey::from_scalar(crypto::Curve::p256, base::Bytes(32, 0x17));
  return key;
}

void open(fuzz::Input input) {
  const auto own = crypto::Certificate::from_der(input.part());
  const auto content = crypto::open_envelope(input.rest(), own, own_key());
  fuzz::require(content.size() <= crypto::kMaxCmsContent, "a content is bounded");
  const auto again = crypto::open_envelope(crypto::envelop(content.reveal(), own), own, own_key());
  fuzz::require(again == content, "what is sealed again is the same");
}

/// Who signed it and when, as text; empty: it is not right.
template <class Verify>
std::string verdict(Verify verify) {
  try {
    const crypto::SignedBy by = verify();
    return base::to_hex(by.signer.der()) + " " + std::to_string(base::to_unix_ms(by.signing_time));
  } catch (const CryptoError&) {
    return {};
  }
}

void verify(fuzz::Input input) {
  const BytesView content = input.part();
  const BytesView der = input.rest();
  const std::string plain = verdict([&] { return crypto::verify_detached(der, content); });
  crypto::KnownCertificates known;
  for (int time = 0; time < 2; ++time) {
    const std::string again = verdict([&] { return crypto::verify_detached(der, content, known); });
    fuzz::require(again == plain, "what is known changes no verdict");
  }
  const auto attached = crypto::verify_attached(der);
  fuzz::require(attached.content.size() <= crypto::kMaxCmsContent, "a content is bounded");
  fuzz::require(plain.empty(), "an object has its content or has it not");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  try {
    input.octet() % 2 == 0 ? open(input) : verify(input);
  } catch (const CryptoError&) {
  }
  return 0;
}

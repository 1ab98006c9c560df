#pragma once

#include "lib/base/clock.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/crypto/openssl.hpp"

/// SignedData as OpenSSL's own CMS functions write it: what crypto::sign_detached and sign_attached are held against.
namespace test {

/// `flags`: CMS_DETACHED, or 0 for an object that contains its content.
inline base::Bytes sign_by_openssl(base::BytesView content, const crypto::Certificate& signer, const crypto::PrivateKey& key,
                                   base::Time signing_time, unsigned flags) {
  namespace openssl = crypto::openssl;
  const openssl::ErrorQueueGuard guard;
  const openssl::Bio in = openssl::read_from(content);
  flags |= CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
  const openssl::CmsContentInfo cms(openssl::check_not_null(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags), "a CMS signature"));
  CMS_SignerInfo* info = openssl::check_not_null(
      CMS_add1_signer(cms.get(), &signer.content().x509(), key.handle(), crypto::signature_digest(key.curve()), flags), "a CMS signature");
  const auto time = crypto::to_asn1_time(signing_time);
  openssl::check(CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, ASN1_STRING_type(time.get()), time.get(), -1) == 1,
                 "a signingTime");
  openssl::check(CMS_final(cms.get(), in.get(), nullptr, flags) == 1, "a CMS signature");
  return openssl::to_der(cms.get(), i2d_CMS_ContentInfo, "a CMS signature");
}

}  // namespace test

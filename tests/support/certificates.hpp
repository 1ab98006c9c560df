#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/clock.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/keys.hpp"

/// Certificates that tests make for themselves.
namespace test {

/// Every curve of ours.
inline constexpr std::initializer_list<crypto::Curve> kCurves = {crypto::Curve::p256, crypto::Curve::brainpool_p256r1, crypto::Curve::p384};

/// 2026-01-01 00:00:00 and years (of 365 days) after it.
inline constexpr base::Time kNow{std::chrono::milliseconds(1767225600000)};
inline base::Time after_years(int years) { return kNow + std::chrono::hours(24 * 365 * years); }

/// A certificate and its private key.
struct Identity {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

/// A template valid from a year before kNow to ten years after it.
inline crypto::CertificateTemplate template_for(std::string_view common_name,
                                                std::initializer_list<crypto::KeyUsage> usages) {
  crypto::CertificateTemplate wanted;
  wanted.common_name = std::string(common_name);
  wanted.organizations = {"First Attach Test"};
  wanted.not_before = after_years(-1);
  wanted.not_after = after_years(10);
  wanted.key_usages = usages;
  return wanted;
}

/// As above, for a CA.
inline crypto::CertificateTemplate ca_template(std::string_view common_name) {
  auto wanted = template_for(common_name, {crypto::KeyUsage::key_cert_sign, crypto::KeyUsage::crl_sign});
  wanted.is_ca = true;
  return wanted;
}

/// A new key and a certificate for it; self-signed without an issuer.
inline Identity identity(const crypto::CertificateTemplate& wanted, crypto::Curve curve,
                         const Identity* issuer = nullptr) {
  auto key = crypto::PrivateKey::generate(curve);
  auto certificate = crypto::issue(wanted, key.public_key(), issuer != nullptr ? issuer->key : key,
                                   issuer != nullptr ? &issuer->certificate : nullptr);
  return {std::move(certificate), std::move(key)};
}

/// The certificate with one bit of its signature's last octet changed: still DER, no longer signed.
inline crypto::Certificate with_broken_signature(const crypto::Certificate& certificate) {
  auto der = certificate.der();
  der.back() ^= 1;
  return crypto::Certificate::from_der(der);
}

}  // namespace test

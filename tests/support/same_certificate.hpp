#pragma once

#include <optional>
#include <string>

#include "lib/crypto/certificate_content.hpp"
#include "lib/crypto/strict_certificate.hpp"

/// Certificate::from_der held against OpenSSL's parser: for the tests and the fuzz target of the strict reader.
namespace test {

/// Everything that a certificate says, and the verdicts on it under `issuer`, as text.
inline std::string everything_of(const crypto::Certificate& certificate, const crypto::Certificate& issuer,
                                 std::span<const crypto::RevocationList> lists, base::Time at) {
  using crypto::KeyUsage;
  const auto& content = certificate.content();
  std::string out;
  const auto add = [&out](const char* name, const std::string& value) { out += std::string(name) + "=" + value + "\n"; };
  const auto add_octets = [&add](const char* name, base::BytesView octets) { add(name, base::to_hex(octets)); };
  const auto add_number = [&add](const char* name, auto value) { add(name, std::to_string(value)); };
  add_octets("der", certificate.der());
  if (certificate.has_usable_key()) {
    add("curve", std::string(crypto::name(certificate.public_key().curve())));
    add_octets("point", certificate.public_key().point());
  }
  if (certificate.subject_key_id()) add_octets("subject key id", *certificate.subject_key_id());
  if (content.authority_key_id) add_octets("authority key id", *content.authority_key_id);
  add_number("has authority key id", content.has_authority_key_id);
  add_number("not before", base::to_unix_ms(certificate.not_before()));
  add_number("not after", base::to_unix_ms(certificate.not_after()));
  for (const auto& each : certificate.organizations()) add("organization", each);
  for (const auto& each : content.subject_serial_numbers) add("subject's serial number", each);
  add("subject", certificate.subject());
  add_octets("serial number", certificate.serial_number());
  add_octets("issuer and serial", certificate.issuer_and_serial());
  add_octets("names", base::concatenate(content.issuer_name, content.subject_name));
  for (const auto& each : certificate.uris()) add("uri", each);
  for (const auto& each : certificate.dns_names()) add("dns name", each);
  for (const auto& each : content.extended_key_usages) add("extended key usage", each);
  add_number("key usage", content.key_usage_bits);
  add_number("ca", certificate.is_ca());
  if (certificate.path_length()) add_number("path length", *certificate.path_length());
  add_number("name constraints", content.name_constraints.has_value());
  add_number("unknown critical extension", content.has_unknown_critical_extension);
  add_number("signature algorithm", content.signature_nid);
  for (const KeyUsage usage : {KeyUsage::digital_signature, KeyUsage::key_agreement}) {
    add("verdict", std::string(crypto::describe(crypto::check_issued_by(certificate, issuer, at, usage, lists))));
  }
  return out;
}

/// What from_der made of the octets, where the strict reader took them, and what OpenSSL's parser did.
struct TwoReadings {
  bool is_strict = false;  ///< false: from_der asked OpenSSL, and there is nothing to compare
  std::string strict;
  std::string openssl;
};

inline TwoReadings read_twice(base::BytesView der, const crypto::Certificate& issuer,
                              std::span<const crypto::RevocationList> lists, base::Time at) {
  TwoReadings out;
  std::optional<crypto::Certificate> read;
  try {
    read = crypto::Certificate::from_der(der);
  } catch (const crypto::CryptoError&) {
  }
  out.is_strict = read && read->content().signed_part;
  if (!out.is_strict) return out;
  out.strict = everything_of(*read, issuer, lists, at);
  try {
    out.openssl = everything_of(crypto::Certificate::parse_by_openssl(der), issuer, lists, at);
  } catch (const crypto::CryptoError& error) {
    out.openssl = std::string("refused: ") + error.what();
  }
  return out;
}

}  // namespace test

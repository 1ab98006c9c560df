#include "lib/crypto/strict_certificate.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "lib/crypto/der.hpp"

namespace crypto {
namespace {

using der::Reader;

constexpr std::uint8_t kBoolean = 0x01;
constexpr std::uint8_t kUtf8String = 0x0c;
constexpr std::uint8_t kPrintableString = 0x13;
constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;

constexpr std::size_t kMaxSerialNumber = 20;  // RFC 5280, 4.1.2.2

// version [0] EXPLICIT INTEGER 2: v3.
constexpr std::array<std::uint8_t, 3> kVersion3{0x02, 0x01, 0x02};
// AlgorithmIdentifier of ecdsa-with-SHA256, its content.
constexpr std::array<std::uint8_t, 10> kEcdsaWithSha256{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
// SubjectPublicKeyInfo of P-256 up to the point: id-ecPublicKey, prime256v1, a BIT STRING in whole octets.
constexpr std::array<std::uint8_t, 26> kP256PublicKey{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                                      0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

// Attributes of names, all 2.5.4.x; the last octet: commonName, serialNumber, country, locality, state, organization, organizational unit.
constexpr std::array<std::uint8_t, 7> kAttributes{3, 5, 6, 7, 8, 10, 11};
constexpr std::uint8_t kSerialNumberAttribute = 5;
constexpr std::uint8_t kOrganizationAttribute = 10;

// Extensions, all 2.5.29.x; the last octet.
constexpr std::uint8_t kSubjectKeyIdentifier = 14;
constexpr std::uint8_t kKeyUsage = 15;
constexpr std::uint8_t kBasicConstraints = 19;
constexpr std::uint8_t kCertificatePolicies = 32;
constexpr std::uint8_t kAuthorityKeyIdentifier = 35;

/// What is not of the form: OpenSSL is asked. Never leaves this file.
struct NotStrict {};

void demand(bool holds) {
  if (!holds) throw NotStrict();
}

BytesView printable_ascii(BytesView text) {
  demand(!text.empty() && std::ranges::all_of(text, [](std::uint8_t c) { return c >= 0x20 && c <= 0x7e; }));
  return text;
}

/// The x of an object identifier `first`.x, where all of them have two octets before it.
std::uint8_t last_of_object_id(BytesView id, std::array<std::uint8_t, 2> parent) {
  demand(id.size() == 3 && id[0] == parent[0] && id[1] == parent[1] && id[2] < 0x80);
  return id[2];
}

/// One name; hands each attribute to `note(last octet of its identifier, its text)`.
template <class Note>
void read_name(BytesView name, Note note) {
  Reader whole(name);
  Reader names = whole.enter(der::kSequence);
  while (!names.at_end()) {
    Reader relative = names.enter(der::kSet);
    Reader attribute = relative.enter(der::kSequence);
    relative.expect_end();
    const std::uint8_t type = last_of_object_id(attribute.take(der::kObjectIdentifier), {0x55, 0x04});
    demand(std::ranges::find(kAttributes, type) != kAttributes.end());
    note(type, printable_ascii(attribute.take(attribute.next_is(kUtf8String) ? kUtf8String : kPrintableString)));
    attribute.expect_end();
  }
}

void read_subject(BytesView name, Certificate::Content& out) {
  read_name(name, [&out](std::uint8_t type, BytesView text) {
    if (type == kOrganizationAttribute) out.organizations.emplace_back(base::as_text(text));
    if (type == kSerialNumberAttribute) out.subject_serial_numbers.emplace_back(base::as_text(text));
  });
  out.subject_name.assign(name.begin(), name.end());
}

int two_digits(BytesView text, std::size_t at) {
  const auto digit = [&](std::size_t i) {
    demand(text[i] >= '0' && text[i] <= '9');
    return text[i] - '0';
  };
  return 10 * digit(at) + digit(at + 1);
}

/// YYMMDDHHMMSSZ until 2049, or YYYYMMDDHHMMSSZ (RFC 5280, 4.1.2.5).
base::Time read_time(Reader& reader) {
  const bool is_short = reader.next_is(kUtcTime);
  const BytesView text = reader.take(is_short ? kUtcTime : kGeneralizedTime);
  demand(text.size() == (is_short ? 13 : 15) && text.back() == 'Z');
  const std::size_t at = is_short ? 2 : 4;  // where the month begins
  int year = two_digits(text, at - 2);
  year += is_short ? (year < 50 ? 2000 : 1900) : 100 * two_digits(text, 0);
  const std::chrono::year_month_day day{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(two_digits(text, at))),
                                        std::chrono::day(static_cast<unsigned>(two_digits(text, at + 2)))};
  const int hour = two_digits(text, at + 4);
  const int minute = two_digits(text, at + 6);
  const int second = two_digits(text, at + 8);
  demand(day.ok() && hour < 24 && minute < 60 && second < 60);
  return base::Time(std::chrono::milliseconds(std::chrono::sys_days(day).time_since_epoch()) + std::chrono::hours(hour) +
                    std::chrono::minutes(minute) + std::chrono::seconds(second));
}

/// Bits of the first octet alone (0 to 7), at least one, unused ones declared and zero.
void read_key_usage(Reader value, Certificate::Content& out) {
  const BytesView bits = value.take(der::kBitString);
  value.expect_end();
  demand(bits.size() == 2 && bits[0] < 8 && bits[1] != 0);
  demand((bits[1] >> bits[0] & 1U) != 0 && (bits[1] & ((1U << bits[0]) - 1U)) == 0);
  out.key_usage_bits = bits[1];
}

KeyId key_id_of(BytesView octets) {
  KeyId id{};
  demand(octets.size() == id.size());
  std::ranges::copy(octets, id.begin());
  return id;
}

void read_extension_value(std::uint8_t type, BytesView octets, Certificate::Content& out) {
  Reader value(octets);
  switch (type) {
    case kKeyUsage: return read_key_usage(value, out);
    case kBasicConstraints: return demand(value.take(der::kSequence).empty() && value.at_end());
    case kSubjectKeyIdentifier:
      out.subject_key_id = key_id_of(value.take(der::kOctetString));
      return demand(value.at_end());
    case kAuthorityKeyIdentifier: {
      Reader identifier = value.enter(der::kSequence);
      out.authority_key_id = key_id_of(identifier.take(der::primitive_tag(0)));
      out.has_authority_key_id = true;
      return demand(identifier.at_end() && value.at_end());
    }
    case kCertificatePolicies: return;  // every policy is accepted, see check_issued_by
    default: throw NotStrict();
  }
}

void read_extensions(Reader extensions, Certificate::Content& out) {
  std::array<bool, 0x80> seen{};
  demand(!extensions.at_end());
  while (!extensions.at_end()) {
    Reader extension = extensions.enter(der::kSequence);
    const std::uint8_t type = last_of_object_id(extension.take(der::kObjectIdentifier), {0x55, 0x1d});
    demand(!std::exchange(seen.at(type), true));
    // Critical or not is the same for what is understood; FALSE is left out, as DER leaves out defaults.
    if (extension.next_is(kBoolean)) extension.expect(kBoolean, std::array<std::uint8_t, 1>{0xff});
    read_extension_value(type, extension.take(der::kOctetString), out);
    extension.expect_end();
  }
}

BytesView read_serial_number(Reader& reader) {
  const BytesView whole = reader.take_whole(der::kInteger);
  const BytesView number = Reader(whole).take(der::kInteger);
  demand(!number.empty() && number.size() <= kMaxSerialNumber && number[0] < 0x80);
  demand(number.size() == 1 ? number[0] != 0 : (number[0] != 0 || number[1] >= 0x80));
  return whole;
}

void read_public_key(BytesView info, Certificate::Content& out) {
  demand(info.size() > kP256PublicKey.size() && std::ranges::equal(info.first(kP256PublicKey.size()), kP256PublicKey));
  out.key = PublicKey::from_point(Curve::p256, info.subspan(kP256PublicKey.size()));
}

void read_tbs(BytesView whole, Certificate::Content& out) {
  Reader tbs = Reader(whole).enter(der::kSequence);
  tbs.expect(der::constructed_tag(0), kVersion3);
  const BytesView serial = read_serial_number(tbs);
  tbs.expect(der::kSequence, kEcdsaWithSha256);
  const BytesView issuer = tbs.take_whole(der::kSequence);
  read_name(issuer, [](std::uint8_t, BytesView) {});
  Reader validity = tbs.enter(der::kSequence);
  out.not_before = read_time(validity);
  out.not_after = read_time(validity);
  validity.expect_end();
  read_subject(tbs.take_whole(der::kSequence), out);
  const BytesView key = tbs.take_whole(der::kSequence);
  Reader extensions = tbs.enter(der::constructed_tag(3));
  tbs.expect_end();
  read_extensions(extensions.enter(der::kSequence), out);
  extensions.expect_end();
  out.issuer_name.assign(issuer.begin(), issuer.end());
  out.issuer_and_serial = der::encode(der::kSequence, {issuer, serial});
  const BytesView number = Reader(serial).take(der::kInteger);
  out.serial_number.assign(number.begin(), number.end());
  read_public_key(key, out);  // last: it costs more than all the rest
}

void read_certificate(BytesView der, Certificate::Content& out) {
  Reader whole(der);
  Reader certificate = whole.enter(der::kSequence);
  whole.expect_end();
  const BytesView tbs = certificate.take_whole(der::kSequence);
  certificate.expect(der::kSequence, kEcdsaWithSha256);
  const BytesView signature = certificate.take(der::kBitString);
  certificate.expect_end();
  demand(!signature.empty() && signature[0] == 0);
  read_tbs(tbs, out);
  out.der.assign(der.begin(), der.end());
  out.signature_nid = NID_ecdsa_with_SHA256;
  out.signed_part = {static_cast<std::size_t>(tbs.data() - der.data()), tbs.size(), signature.size() - 1};
}

}  // namespace

bool read_strictly(BytesView der, Certificate::Content& out) {
  try {
    read_certificate(der, out);
    return true;
  } catch (const NotStrict&) {
    return false;
  } catch (const CryptoError&) {
    return false;
  }
}

}  // namespace crypto

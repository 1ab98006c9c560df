#include "nf-arpf/api_key_request.hpp"

#include <string>
#include <utility>

#include "lib/sbi/flat_json.hpp"
#include "lib/sbi/json.hpp"

namespace arpf {
namespace {

using sbi::JsonObject;

constexpr std::size_t kMaxTokenOctets = 1024;
constexpr std::size_t kMaxCertificateOctets = 8192;
constexpr std::size_t kMaxAuthorizationOctets = 16384;

/// `read(DER)` of the certificate in a member. One that does not parse is 400.
template <class Read>
crypto::Certificate read_certificate(const JsonObject& object, const char* name, Read read) {
  const base::Bytes der = object.base64(name, kMaxCertificateOctets);
  try {
    return read(der);
  } catch (const crypto::CryptoError& error) {
    object.fail(name, std::string("is not a certificate: ") + error.what());
  }
}

crypto::Certificate read_known_certificate(const JsonObject& object, const char* name, crypto::KnownCertificates& known) {
  return read_certificate(object, name, [&known](base::BytesView der) { return known.read(der); });
}

SeCredentials read_credentials(const JsonObject& object, crypto::KnownCertificates& known) {
  return {object.base64("token", kMaxTokenOctets), read_certificate(object, "seCertificate", crypto::Certificate::from_der),
          read_known_certificate(object, "pnCertificate", known), read_known_certificate(object, "ciCertificate", known)};
}

/// Base64 of 1 to `max_octets` octets; nothing for anything else.
std::optional<base::Bytes> octets_of(std::string_view text, std::size_t max_octets) {
  auto octets = base::from_base64(text);
  if (!octets || octets->empty() || octets->size() > max_octets) return std::nullopt;
  return octets;
}

}  // namespace

KeyRequest read_key_request(std::string_view body, crypto::KnownCertificates& known) {
  const nlohmann::json document = sbi::parse_json(body);
  const JsonObject object(document);
  KeyRequest out{read_credentials(object.object("seCredentials"), known), read_known_certificate(object, "operatorCertificate", known)};
  if (object.has("authorization")) out.credentials.authorization = object.base64("authorization", kMaxAuthorizationOctets);
  return out;
}

std::optional<KeyRequest> read_usual_key_request(std::string_view body, crypto::KnownCertificates& known) {
  const auto objects = sbi::FlatObject::read_with("seCredentials", body);
  if (!objects) return std::nullopt;
  const auto& [request, credentials] = *objects;
  const auto token = octets_of(credentials.text("token"), kMaxTokenOctets);
  const auto se = octets_of(credentials.text("seCertificate"), kMaxCertificateOctets);
  const auto pn = octets_of(credentials.text("pnCertificate"), kMaxCertificateOctets);
  const auto ci = octets_of(credentials.text("ciCertificate"), kMaxCertificateOctets);
  const auto mno = octets_of(request.text("operatorCertificate"), kMaxCertificateOctets);
  if (!token || !se || !pn || !ci || !mno) return std::nullopt;
  const std::string_view word = request.text("authorization");
  auto authorization = word.empty() ? base::Bytes() : octets_of(word, kMaxAuthorizationOctets);
  if (!authorization) return std::nullopt;
  try {
    return KeyRequest{{*token, crypto::Certificate::from_der(*se), known.read(*pn), known.read(*ci), std::move(*authorization)},
                      known.read(*mno)};
  } catch (const crypto::CryptoError&) {
    return std::nullopt;
  }
}

}  // namespace arpf

#pragma once

#include <optional>
#include <string_view>

#include "lib/crypto/known_certificates.hpp"
#include "nf-arpf/release_ephemeral_key.hpp"

namespace arpf {

/// The body of retrieve-key (PROTOCOL.md, section 8.1).
struct KeyRequest {
  SeCredentials credentials;
  crypto::Certificate operator_certificate;
};

/// Reads it. The certificates of a CI, part number or operator, which come again and again, are parsed once, into `known`: the loop's.
/// Throws Error{bad_request} with the member named, for a certificate that does not parse too.
KeyRequest read_key_request(std::string_view body, crypto::KnownCertificates& known);

/// The fast path of the above: the usual body, read in place. Nothing for any other, sound or not, which read_key_request() is then to judge.
std::optional<KeyRequest> read_usual_key_request(std::string_view body, crypto::KnownCertificates& known);

}  // namespace arpf

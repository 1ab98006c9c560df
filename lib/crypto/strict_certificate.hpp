#pragma once

#include "lib/crypto/certificate_content.hpp"

/// The fast way to read a certificate of a Secure Element; for lib/crypto only (docs/decisions/0017).
namespace crypto {

/// Fills `out` from `der`, octet by octet and without OpenSSL but for the point, with what OpenSSL's parser would have found; false, and
/// nothing of use in `out`, for whatever is not exactly of the form below: then OpenSSL is to be asked. So this never refuses.
///
/// X.509 v3 in DER; a positive serial number of at most 20 octets; ecdsa-with-SHA256, without parameters, in both places; names of RDNs
/// of one attribute each, of those that the table in the source lists, in printable ASCII; dates as RFC 5280 demands them; a point of
/// P-256 given by name, uncompressed; no unique identifiers; of extensions each at most once keyUsage, an empty basicConstraints,
/// subjectKeyIdentifier and authorityKeyIdentifier of 20 octets (the latter with nothing else), and certificatePolicies.
bool read_strictly(BytesView der, Certificate::Content& out);

}  // namespace crypto

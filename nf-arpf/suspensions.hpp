#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/store/committer.hpp"
#include "lib/store/database.hpp"

namespace arpf {

/// A part number by SHA-256 of the SubjectPublicKeyInfo of its CERT.PN.ECDSA, DER:
/// `openssl x509 -in pn.pem -noout -pubkey | openssl pkey -pubin -ec_conv_form uncompressed -outform DER | sha256sum`. Not by the certificate's own octets: ECDSA signatures
/// are malleable, and a CI may issue a certificate for the key again.
using Fingerprint = crypto::Sha256Digest;

/// A part number that is looked for: by either form of its key, for a certificate may have the point compressed, and `openssl pkey` leaves it so.
struct PartNumber {
  explicit PartNumber(const crypto::PublicKey& key)
      : fingerprint(crypto::sha256(key.subject_public_key_info())), of_compressed(crypto::sha256(key.compressed_subject_public_key_info())) {}
  Fingerprint fingerprint;
  Fingerprint of_compressed;
};

struct Suspension {
  Fingerprint part_number;
  base::Time suspended_at;
  std::string suspended_by;
};

/// Part numbers of which no key is released for the time being: at once, without a CRL of the CI. What was released stays released. One a loop;
/// what it answers is durable, and holds for every worker and instance of the database.
class Suspensions {
 public:
  /// Reader and committer are of the same database and outlive it.
  Suspensions(store::Database& reader, store::Committer& committer, base::Clock clock)
      : reader_(reader), committer_(committer), clock_(std::move(clock)) {}

  [[nodiscard]] std::vector<Suspension> all() const;
  [[nodiscard]] std::optional<Suspension> find(const Fingerprint& part_number) const;

  /// True if it was not suspended before; the first suspension's time and author stay.
  boost::asio::awaitable<bool> suspend(Fingerprint part_number, std::string by);
  /// Throws as lift(), and changes nothing: asked behind all that was written before.
  boost::asio::awaitable<void> require_suspended(Fingerprint part_number);
  /// Throws Error{not_found, CONTEXT_NOT_FOUND} if it is not suspended.
  boost::asio::awaitable<void> lift(Fingerprint part_number);

 private:
  store::Database& reader_;
  store::Committer& committer_;
  base::Clock clock_;
};

/// Error{forbidden, CERTIFICATE_REVOKED} that names the member: the part number is suspended.
[[noreturn]] void fail_suspended();

}  // namespace arpf

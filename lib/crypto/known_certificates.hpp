#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/crypto/kdf.hpp"

namespace crypto {

/// Certificates that come again and again (those of CIs, part numbers and operators), each parsed once, and which issuer was found to
/// have signed them; the same of revocation lists. Nothing else is remembered: dates, rights, revocation and whom one trusts are the
/// caller's to check each time. Bounded: what was not asked for longest goes. Used by one thread.
class KnownCertificates {
 public:
  static constexpr std::size_t kMaxCertificates = 1024;
  static constexpr std::size_t kMaxLists = 64;

  explicit KnownCertificates(std::size_t max_certificates = kMaxCertificates) : max_certificates_(max_certificates) {}

  /// As Certificate::from_der, which it asks for octets that it does not know. The same octets are known by their SHA-256.
  Certificate read(BytesView der);

  /// True if note_signed_by was called with the same two, of which `subject` came from read().
  [[nodiscard]] bool is_signed_by(const Certificate& subject, const Certificate& issuer) const;
  /// `issuer`'s signature over `subject` was verified; nothing happens unless `subject` came from read() and is still here. One issuer a
  /// subject, the last.
  void note_signed_by(const Certificate& subject, const Certificate& issuer);

  /// The same for a list; one that nobody else holds any more is forgotten.
  [[nodiscard]] bool is_signed_by(const RevocationList& list, const Certificate& issuer) const;
  void note_signed_by(const RevocationList& list, const Certificate& issuer);

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    Sha256Digest digest;
    Certificate certificate;
    std::optional<Certificate> issuer;
  };
  struct ListEntry {
    std::weak_ptr<const RevocationList::Content> list;
    Certificate issuer;
  };
  /// A digest is as good a hash as any: its first octets.
  struct DigestHash {
    std::size_t operator()(const Sha256Digest& digest) const noexcept;
  };
  using Entries = std::list<Entry>;

  void forget_oldest();

  const std::size_t max_certificates_;
  Entries entries_;  ///< the one asked for last in front
  std::unordered_map<Sha256Digest, Entries::iterator, DigestHash> by_digest_;
  /// By identity, which stands for the octets: an entry's certificate lives as long as the entry, and never changes.
  std::unordered_map<const Certificate::Content*, Entries::iterator> by_content_;
  std::vector<ListEntry> lists_;
};

}  // namespace crypto

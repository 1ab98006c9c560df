#include "lib/crypto/known_certificates.hpp"

#include <algorithm>
#include <cstring>

namespace crypto {

std::size_t KnownCertificates::DigestHash::operator()(const Sha256Digest& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Certificate KnownCertificates::read(BytesView der) {
  const Sha256Digest digest = sha256(der);
  if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->certificate;
  }
  Certificate certificate = Certificate::from_der(der);
  if (max_certificates_ == 0) return certificate;
  if (entries_.size() >= max_certificates_) forget_oldest();
  entries_.push_front({digest, certificate, std::nullopt});
  by_digest_.emplace(digest, entries_.begin());
  by_content_.emplace(&certificate.content(), entries_.begin());
  return certificate;
}

void KnownCertificates::forget_oldest() {
  const Entry& oldest = entries_.back();
  by_digest_.erase(oldest.digest);
  by_content_.erase(&oldest.certificate.content());
  entries_.pop_back();
}

bool KnownCertificates::is_signed_by(const Certificate& subject, const Certificate& issuer) const {
  const auto found = by_content_.find(&subject.content());
  return found != by_content_.end() && found->second->issuer && &found->second->issuer->content() == &issuer.content();
}

void KnownCertificates::note_signed_by(const Certificate& subject, const Certificate& issuer) {
  const auto found = by_content_.find(&subject.content());
  if (found != by_content_.end()) found->second->issuer = issuer;
}

bool KnownCertificates::is_signed_by(const RevocationList& list, const Certificate& issuer) const {
  return std::ranges::any_of(lists_, [&](const ListEntry& entry) {
    return entry.list.lock() == list.content() && &entry.issuer.content() == &issuer.content();
  });
}

void KnownCertificates::note_signed_by(const RevocationList& list, const Certificate& issuer) {
  std::erase_if(lists_, [](const ListEntry& entry) { return entry.list.expired(); });
  if (lists_.size() >= kMaxLists) lists_.erase(lists_.begin());
  lists_.push_back({list.content(), issuer});
}

}  // namespace crypto

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"

namespace arpf {

/// The CRLs in force, which are replaced while the function runs (SIGHUP). Safe to use from any thread.
class RevocationLists {
 public:
  using Lists = std::vector<crypto::RevocationList>;

  /// `paths`: the files from which `first` came, and which reload() reads.
  RevocationLists(std::vector<std::string> paths, Lists first)
      : paths_(std::move(paths)), current_(std::make_shared<const Lists>(std::move(first))) {}

  /// Those in force now; they stay as they are, whatever is loaded later. Never null.
  [[nodiscard]] std::shared_ptr<const Lists> current() const;

  /// Reads the files again; how many. The log has those that are out of date, by which nobody passes. All or none: throws crypto::CryptoError, which names the file, and leaves those in force.
  std::size_t reload();

 private:
  const std::vector<std::string> paths_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Lists> current_;
};

}  // namespace arpf

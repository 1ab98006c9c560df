#include "lib/base/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <stdexcept>

#include "lib/base/descriptor.hpp"

namespace base {
namespace {

constexpr std::size_t kMaxSecretOctets = 1024 * 1024;

/// Open for reading, if it could be opened; a pipe without a writer is not waited for.
Descriptor opened(const std::string& path) { return Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)); }

/// A little-endian number.
std::uint32_t number_of(std::span<const std::uint8_t> octets) {
  std::uint32_t out = 0;
  for (std::size_t i = octets.size(); i > 0; --i) out = out << 8U | octets[i - 1];
  return out;
}

/// One that is named in an access control list, as the kernel hands it out (linux/posix_acl_xattr.h): 8 octets, little-endian.
struct AccessEntry {
  static constexpr std::size_t kOctets = 8;
  static constexpr std::uint32_t kOwner = 0x01, kUser = 0x02, kMask = 0x10;  ///< of tag

  explicit AccessEntry(std::span<const std::uint8_t, kOctets> octets)
      : tag(number_of(octets.first(2))), permissions(number_of(octets.subspan(2, 2))), id(number_of(octets.last(4))) {}
  /// That of the file's owner, or one that lets nobody do anything.
  [[nodiscard]] bool is_harmless() const { return tag == kOwner || tag == kMask || permissions == 0; }
  [[nodiscard]] bool lets_user_read() const { return tag == kUser && permissions == S_IROTH; }

  std::uint32_t tag;
  std::uint32_t permissions;
  std::uint32_t id;
};

/// True if the file has an access control list by which nobody but its owner and this process's user may do anything; for root, which runs the commands of
/// a function that has another user: nobody but its owner and one user. With such a list the bits of the group are the list's mask, no group's rights:
/// systemd leaves credentials of a unit with a user of its own as 0440 that are root's, and readable by that user.
bool is_kept_by_list(int descriptor) {
  constexpr std::size_t kHead = 4;          // the version
  std::array<std::uint8_t, 1024> octets{};  // a longer list, or none, is no reason to trust
  const ssize_t size = fgetxattr(descriptor, "system.posix_acl_access", octets.data(), octets.size());
  if (size <= static_cast<ssize_t>(kHead) || octets[0] != 2) return false;
  std::span<const std::uint8_t> rest(octets.data() + kHead, static_cast<std::size_t>(size) - kHead);
  int others = 0;
  for (; rest.size() >= AccessEntry::kOctets; rest = rest.subspan(AccessEntry::kOctets)) {
    const AccessEntry entry(rest.first<AccessEntry::kOctets>());
    if (entry.is_harmless()) continue;
    if (!entry.lets_user_read()) return false;
    if (entry.id != geteuid()) ++others;
  }
  return rest.empty() && others <= (geteuid() == 0 ? 1 : 0);
}

/// True for what may be the secret itself in the place of its file's path: PEM, or hex digits alone.
bool may_be_secret(const std::string& path) {
  return path.find("-----BEGIN") != std::string::npos || path.find_first_not_of("0123456789abcdefABCDEF\r\n") == std::string::npos;
}

std::string fault_of(const Descriptor& file, const std::string& path) {
  struct stat status {};
  if (!file.is_open() && may_be_secret(path)) {
    return "there is no such file; what is given is not repeated here, for it looks like the secret itself: put that into a file of mode 0600 and give its path";
  }
  if (!file.is_open() || fstat(file.get(), &status) != 0) return "the file " + path + " cannot be read";
  if (!S_ISREG(status.st_mode)) return "the file " + path + " is no ordinary file";
  const auto others = status.st_mode & (S_IRWXG | S_IRWXO);
  if (others == 0 || (others == S_IRGRP && is_kept_by_list(file.get()))) return "";
  return "the file " + path + " may be read by others: chmod 600 it";
}

}  // namespace

std::string fault_of_secret_file(const std::string& path) { return fault_of(opened(path), path); }

SecretBytes read_secret_file(const std::string& path) {
  const Descriptor file = opened(path);
  const std::string fault = fault_of(file, path);
  if (!fault.empty()) throw std::runtime_error(fault);
  SecretBytes octets(kMaxSecretOctets + 1);
  std::size_t size = 0;
  while (size < octets.size()) {
    const ssize_t got = read(file.get(), octets.writable().data() + size, octets.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error("the file " + path + " cannot be read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxSecretOctets) throw std::runtime_error("the file " + path + " is too large");
  octets.truncate(size);
  return octets;
}

}  // namespace base

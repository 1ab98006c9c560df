#pragma once

#include <string>

#include "lib/base/secret.hpp"

/// Files with secrets, which nobody but their owner may read: mode 0600 or stricter. One whose access control list lets nobody but its owner and this
/// process's user read it (for root, which runs the commands of a function that has another user: its owner and one user), which shows as 0440, passes as
/// well: a credential of systemd.
namespace base {

/// What is wrong with such a file, as `the file PATH may be read by others: chmod 600 it`; empty if nothing is.
std::string fault_of_secret_file(const std::string& path);

/// The octets of such a file, of the very one that was looked at. Throws std::runtime_error with what is wrong with it, or if it has more than 1 MiB.
SecretBytes read_secret_file(const std::string& path);

}  // namespace base

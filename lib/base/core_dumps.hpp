#pragma once

namespace base {

/// Keeps the memory of this process, keys and all, out of core files and from other programs of its user: no debugger attaches, and most
/// of /proc/PID belongs to root. RLIMIT_CORE alone would not do: a core_pattern that is a pipe is not bound by it (core(5)).
/// It holds until execve(), for children as well. Throws std::system_error if the kernel, or a filter of system calls, refuses.
void forbid_core_dumps();

/// Takes back that no debugger may attach; core files of the kernel's own making stay limited to 0 octets. For labs alone: whoever is the
/// same user reads every key, and a core_pattern that is a pipe gets them. Throws as above.
void allow_debugging();

}  // namespace base

#pragma once

#include <string>

namespace core {

/// A random UUID (RFC 4122, version 4).
std::string make_uuid();

/// The UUID in a file, or a new one that is written there first, durably: an instance keeps its id over restarts, for peers of an NRF
/// that was restarted know it by that. Throws std::runtime_error that names the file if it cannot be read, written, or holds anything else.
std::string read_or_make_instance_id(const std::string& path);

}  // namespace core

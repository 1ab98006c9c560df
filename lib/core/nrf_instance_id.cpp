#include "lib/core/nrf_instance_id.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "lib/base/bytes.hpp"
#include "lib/core/nrf_messages.hpp"
#include "lib/crypto/cipher.hpp"

namespace core {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error("the instance id in " + path + " " + what);
}

void write_durably(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) fail(path, std::string("cannot be written: ") + std::strerror(errno));
  const bool is_written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  const int fault = errno;
  close(file);
  if (!is_written) fail(path, std::string("cannot be written: ") + std::strerror(fault));
}

}  // namespace

std::string make_uuid() {
  auto octets = crypto::random_octets<16>();
  octets[6] = static_cast<std::uint8_t>((octets[6] & 0x0FU) | 0x40U);
  octets[8] = static_cast<std::uint8_t>((octets[8] & 0x3FU) | 0x80U);
  std::string out = base::to_hex(octets);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) out.insert(at, "-");
  return out;
}

std::string read_or_make_instance_id(const std::string& path) {
  std::ifstream in(path);
  if (!in && std::filesystem::exists(path)) fail(path, "cannot be read");
  if (in) {
    std::string id;
    std::getline(in, id);
    if (!is_uuid(id)) fail(path, "is no UUID: mend or remove the file (then the function is a new one to its peers)");
    return id;
  }
  std::string id = make_uuid();
  const std::string part = path + ".part";
  write_durably(part, id + "\n");
  std::error_code error;
  std::filesystem::rename(part, path, error);
  if (error) fail(path, "cannot be written: " + error.message());
  return id;
}

}  // namespace core

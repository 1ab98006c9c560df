#include "ue-sim/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string_view>

#include "lib/base/secret.hpp"

namespace ue_sim {
namespace {

constexpr std::size_t kBufferOctets = 256 * 1024;

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw std::runtime_error(path + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

AtomicFile::AtomicFile(std::string path, unsigned mode)
    : path_(std::move(path)), temporary_(path_ + ".part." + std::to_string(::getpid())) {
  buffer_.reserve(2 * kBufferOctets);  // lines that hold a key are not left behind by growth
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file_ < 0) fail(temporary_, "cannot be created");
}

AtomicFile::~AtomicFile() {
  base::wipe(buffer_);
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferOctets) flush();
}

void AtomicFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(temporary_, "cannot be written");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  base::wipe(buffer_);
}

void AtomicFile::commit() {
  flush();
  if (::fsync(file_) != 0) fail(temporary_, "cannot be written");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(path_, "cannot be replaced");
  ::close(std::exchange(file_, -1));
}

void write_file(const std::string& path, unsigned mode, std::string_view text) {
  AtomicFile file(path, mode);
  file.write(text);
  file.commit();
}

LineReader::LineReader(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "re")) {
  if (file_ == nullptr) fail(path_, "cannot be read");
}

LineReader::~LineReader() {
  if (line_ != nullptr) base::wipe(std::span(reinterpret_cast<std::uint8_t*>(line_), capacity_));
  std::free(line_);
  std::fclose(file_);
}

bool LineReader::next(std::string& line) {
  while (true) {
    errno = 0;
    const ssize_t length = ::getline(&line_, &capacity_, file_);
    if (length < 0 && std::ferror(file_) != 0) fail(path_, "cannot be read");
    if (length < 0) return false;
    ++number_;
    std::string_view text(line_, static_cast<std::size_t>(length));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
    if (text.empty()) continue;
    line.assign(text);
    return true;
  }
}

}  // namespace ue_sim

#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "lib/base/bytes.hpp"

namespace ue_sim {

/// The mode of files that hold keys.
inline constexpr unsigned kSecretMode = 0600;

/// A file that takes its name only once it is whole: written beside it, then renamed. Without commit() nothing remains,
/// and what had the name before stays. Throws std::runtime_error that names the file.
class AtomicFile {
 public:
  /// `mode` holds from the file's creation.
  AtomicFile(std::string path, unsigned mode);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view text);
  /// Durable and in its place when it returns.
  void commit();

 private:
  void flush();
  std::string path_;
  std::string temporary_;
  std::string buffer_;
  int file_ = -1;
};

/// Writes a whole file, as AtomicFile does.
void write_file(const std::string& path, unsigned mode, std::string_view text);

/// Lines of a text file, one after the other, whatever its length.
class LineReader {
 public:
  /// Throws std::runtime_error that names the file if it cannot be read.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line that is not blank; false at the end.
  bool next(std::string& line);
  /// The number of the line that next() gave, from 1.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::FILE* file_;
  char* line_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t number_ = 0;
};

}  // namespace ue_sim

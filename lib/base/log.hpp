#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

/// The log of a network function: one line an event, to a file and the console. There is no way to log a key: base::SecretKey
/// has no formatter, and bodies of messages are never logged. Safe to call from any thread.
namespace base::log {

enum class Level { trace, debug, info, warning, error, fatal, off };

/// The level of a name as in YAML (`info`, `warn`/`warning`, ...); false if there is none.
bool level_from_name(std::string_view name, Level& level);

/// Opens the log: `file` may be empty (console only). Throws std::runtime_error if the file cannot be opened.
void open(const std::string& domain, const std::string& file, Level level);

/// Opens the same file again, after a rotation (SIGHUP). If that fails the log goes on where it was, and says so.
void reopen();

[[nodiscard]] bool is_enabled(Level level);

/// Writes one line; control octets in `text` are escaped, so that no peer can forge a line.
void write(Level level, std::string_view text);

template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (is_enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (is_enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void warning(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (is_enabled(Level::warning)) write(Level::warning, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (is_enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace base::log

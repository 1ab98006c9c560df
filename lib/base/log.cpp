#include "lib/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <mutex>
#include <stdexcept>

namespace base::log {
namespace {

constexpr const char* kPattern = "%m/%d %H:%M:%S.%e: [%n] %^%l%$: %v";

std::mutex& state_mutex() {
  static std::mutex mutex;
  return mutex;
}

struct Opened {
  std::string domain = "log";
  std::string file;
};

Opened& opened() {
  static Opened state;
  return state;
}

/// The level in force, read without the lock: spdlog's own should_log() must not run while its logger is replaced.
std::atomic<Level>& level_in_force() {
  static std::atomic<Level> level = Level::info;
  return level;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::fatal: return spdlog::level::critical;
    case Level::off: break;
  }
  return spdlog::level::off;
}

std::shared_ptr<spdlog::logger> make_logger(const Opened& state, Level level) {
  std::vector<spdlog::sink_ptr> sinks;
  sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!state.file.empty()) sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(state.file));
  auto logger = std::make_shared<spdlog::logger>(state.domain, sinks.begin(), sinks.end());
  logger->set_pattern(kPattern);
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::info);
  return logger;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7F) {
      out += fmt::format("\\x{:02x}", octet);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

bool level_from_name(std::string_view name, Level& level) {
  using Named = std::pair<std::string_view, Level>;
  static constexpr std::array<Named, 8> kLevels{{{"trace", Level::trace}, {"debug", Level::debug}, {"info", Level::info},
                                                 {"warn", Level::warning}, {"warning", Level::warning},
                                                 {"error", Level::error}, {"fatal", Level::fatal}, {"off", Level::off}}};
  for (const auto& [known, value] : kLevels) {
    if (known == name) {
      level = value;
      return true;
    }
  }
  return false;
}

void open(const std::string& domain, const std::string& file, Level level) {
  const std::lock_guard lock(state_mutex());
  const Opened wanted{domain, file};
  try {
    spdlog::set_default_logger(make_logger(wanted, level));
  } catch (const spdlog::spdlog_ex& error) {  // which is no runtime_error
    throw std::runtime_error("the log file " + file + " cannot be opened: " + error.what());
  }
  opened() = wanted;
  level_in_force() = level;
}

void reopen() {
  std::string failure;
  {
    const std::lock_guard lock(state_mutex());
    try {
      spdlog::set_default_logger(make_logger(opened(), level_in_force()));
    } catch (const spdlog::spdlog_ex& error) {
      failure = error.what();
    }
  }
  if (!failure.empty()) error("the log goes on in the file that was open: {}", failure);
}

bool is_enabled(Level level) { return level != Level::off && level >= level_in_force(); }

void write(Level level, std::string_view text) { spdlog::default_logger()->log(to_spdlog(level), escaped(text)); }

}  // namespace base::log

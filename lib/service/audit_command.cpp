#include "lib/service/audit_command.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "lib/base/bytes.hpp"
#include "lib/service/audit_log.hpp"

namespace service {
namespace {

/// What is wrong at one place of a file.
struct AuditFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The lines of a file, one at a time.
class Lines {
 public:
  explicit Lines(const std::string& path) : in_(path, std::ios::binary), buffer_(kMaxAuditLine + 1) {
    if (!in_) throw AuditFault("cannot be opened");
  }

  /// The next line, without its newline, valid until the next call; nothing at the end. Throws AuditFault.
  std::optional<std::string_view> next() {
    in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    const auto count = static_cast<std::size_t>(in_.gcount());
    if (in_.bad()) throw AuditFault("cannot be read");
    if (count == 0 && in_.eof()) return std::nullopt;
    ++number_;
    if (in_.eof()) {
      is_torn_ = true;
      return std::string_view(buffer_.data(), count);
    }
    if (in_.fail()) throw AuditFault("expected a line of at most " + std::to_string(kMaxAuditLine) + " octets");
    return std::string_view(buffer_.data(), count - 1);
  }
  /// Of the line that was read last, from 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// True if that had no newline.
  [[nodiscard]] bool is_torn() const noexcept { return is_torn_; }

 private:
  std::ifstream in_;
  std::vector<char> buffer_;
  std::uint64_t number_ = 0;
  bool is_torn_ = false;
};

/// A chain, as far as it has been read.
struct Chain {
  std::uint64_t lines = 0;
  std::string first_at;
  std::string last_at;
  std::uint64_t seq = 0;
  std::string hash{kNoAuditLine};
  std::string begins_after{kNoAuditLine};  ///< `prev` of its first line
  std::string head_at;                     ///< FILE:LINE of the line whose hash was noted
  std::string torn_at;
};

void require_first(const AuditLine& line, const AuditVerification& what) {
  if (what.after && line.prev != *what.after) throw AuditFault("expected prev " + *what.after + " (--after), found " + line.prev);
  const bool is_beginning = line.prev == kNoAuditLine;
  if (is_beginning && line.seq != 1) throw AuditFault("expected seq 1 with a prev of zeros, found " + std::to_string(line.seq));
  if (!is_beginning && line.seq == 1) throw AuditFault("expected a prev of zeros with seq 1, found " + line.prev);
}

void require_next(const AuditLine& line, const Chain& chain) {
  if (line.seq != chain.seq + 1) throw AuditFault("expected seq " + std::to_string(chain.seq + 1) + ", found " + std::to_string(line.seq));
  if (line.prev != chain.hash) throw AuditFault("expected prev " + chain.hash + ", the hash of the line before, found " + line.prev);
}

void take_line(std::string_view text, const AuditVerification& what, Chain& chain) {
  AuditLine line;
  try {
    line = read_audit_line(text);
  } catch (const std::runtime_error& error) {
    throw AuditFault(std::string("expected a line of an audit log: ") + error.what());
  }
  if (chain.lines == 0) {
    require_first(line, what);
    chain.first_at = line.at;
    chain.begins_after = line.prev;
  } else {
    require_next(line, chain);
  }
  ++chain.lines;
  chain.seq = line.seq;
  chain.last_at = line.at;
  chain.hash = hash_of_audit_line(text);
}

/// Throws AuditFault whose text begins with the file and the line.
void take_file(const std::string& path, bool is_last, const AuditVerification& what, Chain& chain) {
  std::string place = path;
  try {
    Lines lines(path);
    while (true) {
      place = path + ":" + std::to_string(lines.number() + 1);
      const auto line = lines.next();
      if (!line) return;
      if (lines.is_torn()) {
        if (!is_last) throw AuditFault("expected a newline at the end of the line, and another file begins");
        chain.torn_at = place;
        return;
      }
      take_line(*line, what, chain);
      if (what.head && chain.hash == *what.head) chain.head_at = place;
    }
  } catch (const AuditFault& fault) {
    throw AuditFault(place + ": " + fault.what());
  }
}

void tell(const Chain& chain, std::ostream& out) {
  if (!chain.torn_at.empty()) {
    out << chain.torn_at << ": torn line (a crash, or it is being written): it was not acknowledged, and is not part of the chain\n";
  }
  if (chain.begins_after != kNoAuditLine) out << "goes on from an older file: its first prev is " << chain.begins_after << "\n";
  if (!chain.head_at.empty()) out << chain.head_at << ": has the hash that was noted\n";
  out << chain.lines << (chain.lines == 1 ? " line" : " lines") << ", from " << chain.first_at << " to " << chain.last_at << ", chain whole, head "
      << chain.hash << "\n";
}

/// Texts of an option that may be given several times: joined by newlines.
std::vector<std::string> texts_of(const Command::Given& given, const char* option) {
  std::vector<std::string> out;
  const auto found = given.find(option);
  std::string_view rest = found == given.end() ? std::string_view() : found->second;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::optional<std::string> hash_of(const Command::Given& given, const char* option) {
  const auto found = given.find(option);
  if (found == given.end()) return std::nullopt;
  const auto octets = base::from_hex_exactly<32>(found->second);
  if (!octets) throw ConfigError("--" + std::string(option) + ": " + found->second + " is not 64 hex digits");
  return base::to_hex(*octets);
}

}  // namespace

int verify_audit(const AuditVerification& what, std::ostream& out) {
  Chain chain;
  try {
    for (std::size_t i = 0; i < what.files.size(); ++i) take_file(what.files[i], i + 1 == what.files.size(), what, chain);
    if (what.head && chain.head_at.empty()) {
      throw AuditFault("expected a line with the hash " + *what.head + " (--head); the last one has " + chain.hash + ": lines are missing at the end");
    }
    if (chain.lines == 0) throw AuditFault("expected a line: every function that has started has written one");
  } catch (const AuditFault& fault) {
    out << fault.what() << "\n";
    return 1;
  }
  tell(chain, out);
  return 0;
}

Command audit_command(const std::function<std::string(const std::string&)>& file_of) {
  const auto run = [file_of](const std::string& config_path, const Command::Given& given) {
    AuditVerification what{texts_of(given, "file"), hash_of(given, "after"), hash_of(given, "head")};
    if (what.files.empty()) {
      const std::string file = file_of(config_path);
      if (file.empty()) throw ConfigError(config_path + ": names no audit log; name one with --file");
      what.files.push_back(file);
    }
    return verify_audit(what, std::cout);
  };
  return {"verify-audit", "checks that no line of the audit log was changed, removed or inserted; the function may run",
          {{"file", "an audit log, instead of the configuration's; several, the oldest first, by naming it again", false, true},
           {"after", "the hash of the last line before the first file", false},
           {"head", "a hash that was noted elsewhere: that of one of the lines", false}},
          run};
}

}  // namespace service

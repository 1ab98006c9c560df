#include "lib/service/audit_lines.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/sbi/json.hpp"

namespace service {
namespace {

/// Cuts a text that is too long, between two characters of UTF-8.
void bound(std::string& text) {
  constexpr std::string_view kCut = "...";
  if (text.size() <= kMaxAuditText) return;
  std::size_t size = kMaxAuditText - kCut.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  text += kCut;
}

/// True for what a terminal or an editor would act on instead of showing it: DEL, C1, line separators and changes of direction.
bool is_unseen(unsigned point) {
  return (point >= 0x7F && point <= 0x9F) || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/// The JSON text, which is valid UTF-8, with these escaped as well.
std::string without_unseen(std::string text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; })) return text;
  std::string out;
  const auto octet = [&text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t size = 1;
    unsigned point = octet(i);
    if (point >= 0xC0) {
      size = point < 0xE0 ? 2 : point < 0xF0 ? 3 : 4;
      point &= 0xFFU >> (size + 1);
      for (std::size_t j = 1; j < size; ++j) point = point << 6 | (octet(i + j) & 0x3F);
    }
    if (is_unseen(point)) {
      out += fmt::format("\\u{:04x}", point);
    } else {
      out.append(text, i, size);
    }
    i += size;
  }
  return out;
}

std::string line_of(const AuditEvent& event, base::Time at, std::uint64_t seq, std::string_view prev) {
  sbi::ObjectWriter line;
  line.integer("seq", static_cast<std::int64_t>(seq)).text("at", base::to_rfc3339(at)).text("action", name_of(event.action));
  line.text("outcome", event.outcome == AuditOutcome::done ? "done" : "refused").text("peer", event.peer).text("address", event.address);
  const auto add = [&line](const char* name, const std::optional<std::string>& text) {
    if (text) line.text(name, *text);
  };
  add("operator", event.operator_id);
  add("dimsi", event.dimsi);
  add("imsi", event.imsi);
  add("target", event.target);
  add("cause", event.cause);
  add("detail", event.detail);
  line.text("prev", prev);
  return without_unseen(std::move(line).finish());
}

}  // namespace

AuditEvent bounded(AuditEvent event) {
  if (event.peer.empty()) event.peer = sbi::kAnonymous;
  if (event.target) event.target->resize(std::min(event.target->find('?'), event.target->size()));
  bound(event.peer);
  bound(event.address);
  for (auto* const text : {&event.operator_id, &event.dimsi, &event.imsi, &event.target, &event.cause, &event.detail}) {
    if (*text) bound(**text);
  }
  return event;
}

AuditItem bounded(AuditItem item) {
  for (auto* const text : {&item.dimsi, &item.imsi, &item.cause, &item.detail}) {
    if (*text) bound(**text);
  }
  return item;
}

std::string_view name_of(AuditAction action) {
  switch (action) {
    case AuditAction::release: return "RELEASE";
    case AuditAction::claim: return "CLAIM";
    case AuditAction::release_claim: return "RELEASE_CLAIM";
    case AuditAction::preload: return "PRELOAD";
    case AuditAction::replace: return "REPLACE";
    case AuditAction::remove: return "DELETE";
    case AuditAction::bulk_load: return "BULK_LOAD";
    case AuditAction::offer: return "OFFER";
    case AuditAction::retire: return "RETIRE";
    case AuditAction::vectors: return "VECTORS";
    case AuditAction::authenticate: return "AUTHENTICATE";
    case AuditAction::suspend: return "SUSPEND";
    case AuditAction::backup: return "BACKUP";
    case AuditAction::restore: return "RESTORE";
    case AuditAction::rotate_keys: return "ROTATE_KEYS";
    case AuditAction::export_keys: return "EXPORT";
    case AuditAction::wrap_key: return "WRAP_KEY";
    case AuditAction::reload: return "RELOAD";
    case AuditAction::start: return "START";
    case AuditAction::stop: return "STOP";
    case AuditAction::refusal: return "REFUSAL";
    case AuditAction::dropped: return "DROPPED";
    case AuditAction::rotate: break;
  }
  return "ROTATE";
}

AuditLine read_audit_line(std::string_view line) {
  AuditLine out;
  try {
    const auto document = sbi::parse_json(line);
    const sbi::JsonObject object(document);
    out.seq = static_cast<std::uint64_t>(object.integer("seq", 1, std::numeric_limits<std::int64_t>::max()));
    out.at = object.text("at", 32);
    (void)object.text("action", 32);
    if (const std::string outcome = object.text("outcome", 16); outcome != "done" && outcome != "refused") {
      throw std::runtime_error("/outcome is neither done nor refused");
    }
    for (const char* const name : {"peer", "address"}) {
      if (!object.has(name)) throw std::runtime_error(std::string("/") + name + " is missing");
    }
    out.prev = base::to_hex(object.hex<32>("prev"));
  } catch (const base::Error& error) {
    const std::string what = error.what();
    throw std::runtime_error(what.starts_with("the body") ? "the line" + what.substr(8) : what);
  }
  const std::string begins = R"({"seq":)" + std::to_string(out.seq) + R"(,"at":")";
  const std::string ends = R"(,"prev":")" + out.prev + R"("})";
  if (!line.starts_with(begins) || !line.ends_with(ends)) throw std::runtime_error("the line does not begin with seq and at and end with prev");
  return out;
}

std::string hash_of_audit_line(std::string_view line) { return base::to_hex(crypto::sha256(base::as_bytes(line))); }
void AuditLines::add(const AuditEvent& event, base::Time at) {
  std::string line = line_of(event, at, ++seq_, hash_);
  hash_ = hash_of_audit_line(line);
  text_ += line;
  text_ += '\n';
}

void AuditLines::add(const AuditEvent& common, const std::vector<AuditItem>& items, base::Time at) {
  AuditEvent event = common;
  for (const AuditItem& item : items) {
    event.action = item.action;
    event.outcome = item.outcome;
    event.dimsi = item.dimsi;
    event.imsi = item.imsi;
    event.cause = item.cause;
    event.detail = item.detail;
    add(event, at);
  }
}

}  // namespace service

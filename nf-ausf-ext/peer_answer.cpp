#include "nf-ausf-ext/peer_answer.hpp"

#include <algorithm>

#include "lib/sbi/problem.hpp"

namespace ausf_ext {
namespace {

constexpr std::size_t kMaxCause = 64;
constexpr std::size_t kMaxDetail = 256;  ///< octets

/// At most `size` octets of a UTF-8 text, whole characters.
std::string cut(const std::string& text, std::size_t size) {
  if (text.size() <= size) return text;
  const auto is_inside_character = [&text](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  while (size > 0 && is_inside_character(size)) --size;
  return text.substr(0, size);
}

bool is_cause(const std::string& text) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool begins_well = !text.empty() && text.front() >= 'A' && text.front() <= 'Z';
  return begins_well && text.size() <= kMaxCause && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

void require_success(const sbi::Response& response, const std::string& who) {
  if (response.status >= 200 && response.status < 300) return;
  const sbi::ReceivedProblem received = sbi::read_problem(response);
  const std::string cause = is_cause(received.cause) ? received.cause : "";
  std::string text = who + " answered " + std::to_string(response.status);
  if (!cause.empty()) text += " " + cause;
  if (!received.detail.empty()) text += ": " + cut(received.detail, kMaxDetail);
  const bool is_passing = response.status >= 500 || response.status == 408 || response.status == 429;
  if (is_passing) throw PeerUnavailable(text);
  throw PeerRefused({response.status >= 400 ? response.status : 502, cause, text});
}

void require_no_content(const sbi::Response& response, const std::string& who) {
  require_success(response, who);
  if (response.status == 204) return;
  const std::string status = std::to_string(response.status);
  throw PeerRefused({502, "", who + " answered " + status + ", where 204 alone says that it is done; look what its URI leads to"});
}

bool says_it_is_gone(const Problem& problem) {
  return problem.status == 404 && !problem.cause.empty() && problem.cause != "RESOURCE_URI_STRUCTURE_NOT_FOUND";
}

}  // namespace ausf_ext

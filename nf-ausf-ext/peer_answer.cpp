#include "nf-ausf-ext/peer_answer.hpp"

#include "lib/sbi/problem.hpp"

namespace ausf_ext {

void require_success(const sbi::Response& response, const std::string& who) {
  if (response.status >= 200 && response.status < 300) return;
  const sbi::ReceivedProblem problem = sbi::read_problem(response);
  std::string text = who + " answered " + std::to_string(response.status);
  if (!problem.cause.empty()) text += " " + problem.cause.substr(0, 64);
  if (!problem.detail.empty()) text += ": " + problem.detail.substr(0, 256);
  const bool is_passing = response.status >= 500 || response.status == 408 || response.status == 429;
  if (is_passing) throw PeerUnavailable(text);
  throw PeerRefused({response.status, problem.cause.substr(0, 64), text});
}

}  // namespace ausf_ext

#pragma once

#include <stdexcept>

#include "lib/sbi/message.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// A peer said no (4xx), or its answer cannot be trusted: asking again would not help.
class PeerRefused : public std::runtime_error {
 public:
  explicit PeerRefused(Problem problem) : std::runtime_error(problem.detail), problem_(std::move(problem)) {}
  [[nodiscard]] const Problem& problem() const noexcept { return problem_; }

 private:
  Problem problem_;
};

/// A peer gave no answer, or 5xx: it is asked again after a pause.
class PeerUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws PeerRefused for 4xx and PeerUnavailable for 5xx (and 408, 429); `who` names the peer in the text.
void require_success(const sbi::Response& response, const std::string& who);

}  // namespace ausf_ext

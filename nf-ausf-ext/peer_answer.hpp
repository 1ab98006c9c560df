#pragma once

#include <stdexcept>

#include "lib/sbi/message.hpp"
#include "nf-ausf-ext/devices.hpp"

namespace ausf_ext {

/// A peer said no (4xx), or its answer cannot be trusted.
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
  [[nodiscard]] Problem problem() const { return {504, "TARGET_NF_NOT_REACHABLE", what()}; }
};

/// Throws PeerRefused for 4xx and PeerUnavailable for 5xx (and 408, 429); `who` names the peer in the text. What the peer said of it is
/// cut to a length, and a cause that is none (TS 29.571: capitals, digits, underscores) is left out.
void require_success(const sbi::Response& response, const std::string& who);

/// The same for what a peer answers with 204 alone (DELETE vectors/{dimsi}, claims/{dimsi}/retire: PROTOCOL.md, section 8): another 2xx is
/// somebody else's, a proxy's page, and a PeerRefused of status 502.
void require_no_content(const sbi::Response& response, const std::string& who);

/// True if a peer that is to forget a device says that it knows none: 404 with a cause, unless it is the path that it does not know. One without
/// a cause may be anybody's, a proxy's that knows no way, and what it was to forget may be there still.
bool says_it_is_gone(const Problem& problem);

}  // namespace ausf_ext

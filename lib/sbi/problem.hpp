#pragma once

#include <string>

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"

namespace sbi {

/// The HTTP status of a refusal: the one place where kinds of error meet HTTP.
int status_of(base::ErrorKind kind);

/// `application/problem+json` (RFC 7807, TS 29.571 ProblemDetails) of a refusal.
Response to_problem(const base::Error& error);

/// What an exception that nobody foresaw becomes: 500 for the peer without a word of it, the text in the log.
Response internal_problem(const Request& request, const char* what);

/// A ProblemDetails that a peer sent us: its `cause` and `detail`, empty where it has none or is no ProblemDetails, be it for its size or its depth.
struct ReceivedProblem {
  int status = 0;
  std::string title;
  std::string cause;
  std::string detail;
};
ReceivedProblem read_problem(const Response& response);

/// The reason phrase of a status: the `title` of a problem.
const char* reason_phrase(int status);

}  // namespace sbi

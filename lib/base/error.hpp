#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace base {

/// What kind of refusal it is, without a word of HTTP; sbi::to_problem maps it to a status in one place.
enum class ErrorKind {
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  method_not_allowed,
  conflict,
  length_required,
  precondition_failed,
  too_large,
  unsupported_media_type,
  too_many_requests,
  headers_too_large,
  internal,
  not_implemented,
  bad_gateway,
  unavailable,
  gateway_timeout,
};

/// A member of a request that is at fault: a JSON pointer or a name, and what is wrong with it (TS 29.571, InvalidParam).
struct InvalidParam {
  std::string param;
  std::string reason;
};

/// A refusal meant for the peer: everything in it may be sent out. What only the log may know goes to the log.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string cause, const std::string& detail, std::vector<InvalidParam> invalid_params = {})
      : std::runtime_error(detail), kind_(kind), cause_(std::move(cause)), invalid_params_(std::move(invalid_params)) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  /// The application error of PROTOCOL.md section 8.4, as `DEVICE_CLAIMED`; may be empty.
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  [[nodiscard]] const std::vector<InvalidParam>& invalid_params() const noexcept { return invalid_params_; }

 private:
  ErrorKind kind_;
  std::string cause_;
  std::vector<InvalidParam> invalid_params_;
};

/// A refusal of which the peer is to learn no more than that there is nothing: to it, it is any other Error of its kind. Whoever accounts for refusals
/// hears of it as of one with `forbidden`.
class ConcealedRefusal : public Error {
 public:
  /// `known`: why it is refused, for the log alone; nothing secret.
  ConcealedRefusal(ErrorKind kind, std::string cause, const std::string& detail, std::string known)
      : Error(kind, std::move(cause), detail), known_(std::move(known)) {}
  [[nodiscard]] const std::string& known() const noexcept { return known_; }

 private:
  std::string known_;
};

/// Throws Error{forbidden, cause, detail} unless `holds`.
inline void require(bool holds, const char* cause, const char* detail) {
  if (!holds) throw Error(ErrorKind::forbidden, cause, detail);
}

}  // namespace base

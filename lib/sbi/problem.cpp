#include "lib/sbi/problem.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/log.hpp"
#include "lib/sbi/json.hpp"

namespace sbi {
namespace {

constexpr std::size_t kMaxReceivedOctets = std::size_t{64} * 1024;  ///< of a problem that a peer sends; a longer one is none

}  // namespace

int status_of(base::ErrorKind kind) {
  switch (kind) {
    case base::ErrorKind::bad_request: return 400;
    case base::ErrorKind::unauthorized: return 401;
    case base::ErrorKind::forbidden: return 403;
    case base::ErrorKind::not_found: return 404;
    case base::ErrorKind::method_not_allowed: return 405;
    case base::ErrorKind::conflict: return 409;
    case base::ErrorKind::length_required: return 411;
    case base::ErrorKind::precondition_failed: return 412;
    case base::ErrorKind::too_large: return 413;
    case base::ErrorKind::unsupported_media_type: return 415;
    case base::ErrorKind::too_many_requests: return 429;
    case base::ErrorKind::headers_too_large: return 431;
    case base::ErrorKind::internal: return 500;
    case base::ErrorKind::not_implemented: return 501;
    case base::ErrorKind::bad_gateway: return 502;
    case base::ErrorKind::unavailable: return 503;
    case base::ErrorKind::gateway_timeout: return 504;
  }
  return 500;
}

const char* reason_phrase(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Error";
  }
}

Response to_problem(const base::Error& error) {
  const int status = status_of(error.kind());
  nlohmann::ordered_json problem{{"status", status}, {"title", reason_phrase(status)}, {"detail", error.what()}};
  if (!error.cause().empty()) problem["cause"] = error.cause();
  for (const auto& [param, reason] : error.invalid_params()) {
    problem["invalidParams"].push_back({{"param", param}, {"reason", reason}});
  }
  using nlohmann::json;
  Response response(status, kProblemJson, problem.dump(-1, ' ', false, json::error_handler_t::replace));
  if (status == 503) response.headers.add("retry-after", error.cause() == "NF_CONGESTION" ? "1" : "5");
  if (status == 429) response.headers.add("retry-after", "1");
  return response;
}

Response internal_problem(const Request& request, const char* what) {
  base::log::error("{} {} failed: {}", request.method, request.target, what);
  return to_problem(base::Error(base::ErrorKind::internal, "SYSTEM_FAILURE",
                                "the request could not be carried out; the log of this function says why"));
}

ReceivedProblem read_problem(const Response& response) {
  ReceivedProblem out;
  out.status = response.status;
  if (response.body.size() > kMaxReceivedOctets) return out;
  nlohmann::json document;
  try {
    document = parse_json(response.body);
  } catch (const base::Error&) {
    return out;
  }
  if (!document.is_object()) return out;
  const auto text = [&document](const char* name) {
    const auto member = document.find(name);
    return member != document.end() && member->is_string() ? member->get<std::string>() : std::string();
  };
  out.title = text("title");
  out.cause = text("cause");
  out.detail = text("detail");
  return out;
}

}  // namespace sbi

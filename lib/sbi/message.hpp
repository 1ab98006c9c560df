#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Requests and responses of a service-based interface (TS 29.500), the same over HTTP/2 and HTTP/1.1.
namespace sbi {

struct Header {
  std::string name;  ///< lower case
  std::string value;
};

/// Header fields in the order in which they came; pseudo headers are not among them.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  /// The first field of that name (lower case); nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] const std::vector<Header>& fields() const noexcept { return fields_; }
  /// Octets of names and values.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  std::vector<Header> fields_;
};

/// Who sent a request.
struct Peer {
  /// The first DNS name or URI of the verified client certificate, else its common name; `anonymous` without a certificate.
  std::string name = "anonymous";
  /// `address:port`, for the log.
  std::string address;
  /// True if `name` comes from a verified certificate.
  bool is_verified = false;

  [[nodiscard]] bool is_anonymous() const noexcept { return !is_verified; }
};

struct Request {
  std::string method;
  std::string scheme = "http";
  std::string authority;
  std::string target;  ///< as received: path and query, percent-encoded
  Headers headers;
  std::string body;
  Peer peer;

  /// Filled in by the router: `{name}` of the route's pattern, and the query, percent-decoded.
  std::vector<std::pair<std::string, std::string>> path_parameters;
  std::vector<std::pair<std::string, std::string>> query_parameters;

  /// The path parameter of that name; the route has it, so a wrong name throws std::out_of_range.
  [[nodiscard]] const std::string& path(std::string_view name) const;
  /// The query parameter of that name; nothing if it is absent.
  [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const;
  /// `scheme://authority`, under which the peer reached us: the root of the absolute URIs in an answer.
  [[nodiscard]] std::string api_root() const { return scheme + "://" + authority; }
};

class BodyReader;

struct Response {
  int status = 204;
  Headers headers;
  std::string body;
  /// If set, the body comes from here, piece by piece, and `body` is empty: what is relayed may be of any size.
  std::shared_ptr<BodyReader> stream;

  Response() = default;
  explicit Response(int code) : status(code) {}
  Response(int code, std::string content_type, std::string content) : status(code), body(std::move(content)) {
    headers.add("content-type", std::move(content_type));
  }
  Response& with(std::string name, std::string value) & {
    headers.add(std::move(name), std::move(value));
    return *this;
  }
  Response&& with(std::string name, std::string value) && {
    headers.add(std::move(name), std::move(value));
    return std::move(*this);
  }
};

/// True for the characters that an authority (RFC 3986, 3.2) may have: what we echo in absolute URIs.
bool is_authority(std::string_view text);

inline constexpr const char* kJson = "application/json";
inline constexpr const char* kMergePatchJson = "application/merge-patch+json";
inline constexpr const char* kHalJson = "application/3gppHal+json";
inline constexpr const char* kProblemJson = "application/problem+json";
inline constexpr const char* kNdjson = "application/x-ndjson";

}  // namespace sbi

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/secret.hpp"

/// Requests and responses of a service-based interface (TS 29.500), the same over HTTP/2 and HTTP/1.1.
namespace sbi {

struct Header {
  std::string name;  ///< lower case
  std::string value;
};

/// Header fields in the order in which they came; pseudo headers are not among them. clear() keeps the memory, for the next fields.
class Headers {
 public:
  Headers() = default;
  Headers(const Headers&) = default;
  Headers& operator=(const Headers&) = default;
  Headers(Headers&& other) noexcept { swap(other); }
  Headers& operator=(Headers&& other) noexcept {
    swap(other);
    other.clear();
    return *this;
  }
  ~Headers() = default;
  void swap(Headers& other) noexcept {
    fields_.swap(other.fields_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
  }

  void add(std::string_view name, std::string_view value);
  void clear() noexcept { size_ = bytes_ = 0; }
  /// The first field of that name (lower case); nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::span<const Header> fields() const noexcept { return {fields_.data(), size_}; }
  /// Octets of names and values.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t kUsualFields = 4;
  std::vector<Header> fields_;  ///< the first size_ are there, the others are memory
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

/// The name of peers that showed no certificate; no peer with one is let in under it.
inline constexpr const char* kAnonymous = "anonymous";

/// Who sent a request.
struct Peer {
  /// The first DNS name or URI of the verified client certificate, else its common name; without a certificate the NF instance id that a
  /// verified access token is for, else `anonymous`.
  std::string name = kAnonymous;
  /// `address:port`, for the log.
  std::string address;
  /// True if `name` comes from a verified certificate, or a verified access token.
  bool is_verified = false;
  /// The URIs of the verified certificate's subjectAltName, `urn:uuid:<NF instance id>` among them (TS 33.310, 6.1.3c.3). Null: none.
  std::shared_ptr<const std::vector<std::string>> certificate_uris;

  /// True for a peer that was not asked for a certificate, or had none where none is demanded, nor a token. It owns everything.
  [[nodiscard]] bool is_anonymous() const noexcept { return !is_verified; }
};

class BodyReader;
class TurnGiver;

/// The body is wiped when the request goes: RES* and keys come in some.
struct Request {
  Request() = default;
  Request(const Request&) = default;
  Request(Request&&) = default;
  Request& operator=(const Request&) = default;
  Request& operator=(Request&&) = default;
  ~Request() { base::wipe(body); }

  /// As a new one, but for the memory that it keeps for the next: up to some KiB.
  void clear();

  std::string method;
  std::string scheme = "http";
  std::string authority;
  std::string target;  ///< as received: path and query, percent-encoded
  Headers headers;
  std::string body;
  Peer peer;
  /// The server's, for later_turn() of router.hpp, as long as the handler is at the request. Null: there is no turn to wait for.
  TurnGiver* turns = nullptr;

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

/// The body is wiped when the response goes: KSEAF and other keys leave in some.
struct Response {
  int status = 204;
  Headers headers;
  std::string body;
  /// If set, the body comes from here, piece by piece, and `body` is empty: what is relayed may be of any size.
  std::shared_ptr<BodyReader> stream;

  Response() = default;
  Response(const Response&) = default;
  Response(Response&&) = default;
  Response& operator=(const Response&) = default;
  Response& operator=(Response&&) = default;
  ~Response() { base::wipe(body); }
  explicit Response(int code) : status(code) {}
  Response(int code, std::string_view content_type, std::string content) : status(code), body(std::move(content)) {
    headers.add("content-type", content_type);
  }
  Response& with(std::string_view name, std::string_view value) & {
    headers.add(name, value);
    return *this;
  }
  Response&& with(std::string_view name, std::string_view value) && {
    headers.add(name, value);
    return std::move(*this);
  }
};

/// Without the white space of header fields around it: spaces and tabs (OWS of RFC 9110, 5.6.3).
std::string_view without_space(std::string_view text);

/// True for the characters that an authority (RFC 3986, 3.2) may have: what we echo in absolute URIs.
bool is_authority(std::string_view text);

inline constexpr const char* kJson = "application/json";
inline constexpr const char* kMergePatchJson = "application/merge-patch+json";
inline constexpr const char* kHalJson = "application/3gppHal+json";
inline constexpr const char* kProblemJson = "application/problem+json";
inline constexpr const char* kNdjson = "application/x-ndjson";

}  // namespace sbi

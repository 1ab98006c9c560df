// URIs, targets of requests and entity tags: what is taken means the same when it is written in another way.
#include "lib/base/error.hpp"
#include "lib/core/relay.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/entity_tags.hpp"
#include "tests/fuzz/input.hpp"

namespace {

void read_uri(const std::string& text) {
  try {
    const sbi::Uri uri = sbi::Uri::parse(text);
    const sbi::Uri again = sbi::Uri::parse(uri.origin() + uri.path);
    fuzz::require(again.scheme == uri.scheme && again.host == uri.host && again.path == uri.path, "a URI is written as it was read");
    fuzz::require(std::stoi(again.port) == std::stoi(uri.port), "a port is written as it was read");
  } catch (const std::invalid_argument&) {
  }
}

const sbi::Router& router() {
  static const sbi::Router made = [] {
    sbi::Router out;
    const sbi::PlainHandler handler = [](const sbi::Request&) { return sbi::Response(204); };
    for (const char* pattern : {"/a/v1/contexts", "/a/v1/contexts/{id}", "/a/v1/{id}/data", "/b/{first}/{second}"}) {
      out.add("GET", pattern, sbi::BodyKind::none, handler);
      out.add("PUT", pattern, sbi::BodyKind::json, handler);
    }
    out.add("*", "/b/{rest...}", sbi::BodyKind::none, handler);
    return out;
  }();
  return made;
}

/// The pattern and parameters that a target comes to; empty: it is refused.
std::string found(const std::string& method, const std::string& target) {
  sbi::Request request;
  request.method = method;
  request.target = target;
  std::string out;
  try {
    out = router().find(request).pattern;
  } catch (const base::Error&) {
    return {};
  }
  for (const auto& parameters : {request.path_parameters, request.query_parameters}) {
    for (const auto& [name, value] : parameters) out += "\n" + name + "=" + value;
  }
  return out;
}

void route(const std::string& target) {
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    const std::string first = found(method, target);
    const auto is_control = [](char c) { return c != '\n' && (c == 0x7F || static_cast<unsigned char>(c) < 0x20); };
    fuzz::require(std::ranges::none_of(first, is_control), "no control octet comes through");
    if (!target.starts_with("/a")) continue;
    fuzz::require(found(method, "/%61" + target.substr(2)) == first, "an octet is the same in hex");
  }
}

void match(const std::string& value) {
  sbi::Request request;
  request.headers.add("if-match", value);
  try {
    const auto tags = sbi::EntityTags::of(request, "if-match");
    fuzz::require(tags && !tags->match_strongly({}) && !tags->match_weakly({}), "nothing matches what is not there");
    for (const std::string& tag : {std::string("\"1\""), value}) {
      fuzz::require(!tags->match_strongly(tag) || tags->match_weakly(tag), "what matches strongly matches weakly");
    }
    const bool is_one_tag = value.starts_with('"') && value.find('"', 1) == value.size() - 1;
    fuzz::require(!is_one_tag || tags->match_strongly(value), "a tag matches itself");
  } catch (const base::Error&) {
  }
}

void follow(const std::string& reference) {
  const std::string uri = core::absolute_uri(reference, "http://peer:7777/nausf-auth/v1/ue-authentications");
  fuzz::require(uri.find("://") != std::string::npos, "a reference becomes absolute");
  static const core::RelayLinks links{base::SecretBytes(core::RelayLinks::kKeyOctets)};
  const bool is_sound = uri.size() <= core::RelayLinks::kMaxUriSize && uri.find('\0') == std::string::npos;
  for (const std::string party : {"", "peer a"}) {
    const auto opened = links.open(links.make(uri, party), party);
    fuzz::require(!is_sound || opened == uri, "an id opens to its URI");
    fuzz::require(!links.open(links.make(uri, party), "set a"), "and to one party alone");
    fuzz::require(!links.open(reference, party), "nobody makes an id of ours");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::Input(data, size).text();
  read_uri(text);
  route(text);
  match(text);
  follow(text);
  return 0;
}

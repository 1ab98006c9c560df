#pragma once

#include <optional>
#include <string_view>

namespace core {

/// AuthenticationInfo (TS 29.509, 6.1.6.2.2) in the form in which AMFs nearly always send it. The texts are views of the body.
struct UsualAuthenticationInfo {
  std::string_view supi_or_suci;
  std::string_view serving_network_name;  ///< of a valid form
};

/// The fast path of read_authentication_info(): an object of the two members alone, in either order, each a text of printable ASCII without
/// an escape and within its limits. Nothing for any other body, sound or not: the document reader then says what it is.
std::optional<UsualAuthenticationInfo> read_usual_authentication_info(std::string_view body);

}  // namespace core

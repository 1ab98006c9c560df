#pragma once

#include <optional>
#include <string_view>

#include "lib/aka/key_hierarchy.hpp"

namespace core {

/// The fast path of read_confirmation(): RES* of a ConfirmationData (TS 29.509, 6.1.6.2.4) that is an object of texts of printable ASCII without an
/// escape, as nearly every SEAF writes it. Nothing for any other body, sound or not: the document reader then says what it is.
std::optional<aka::ResStar> read_usual_confirmation(std::string_view body);

}  // namespace core

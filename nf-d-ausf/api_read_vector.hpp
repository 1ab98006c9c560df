#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lib/sbi/flat_json.hpp"
#include "lib/sbi/json.hpp"
#include "nf-d-ausf/accept_vector.hpp"

namespace d_ausf {

/// Reads the members of a vector (PROTOCOL.md, section 8.2). Throws Error{bad_request} with the member named.
Vector read_vector(const sbi::JsonObject& object);
/// The fast path of the above: nothing for a vector that it does not take, sound or not, which read_vector() is then to judge.
std::optional<Vector> read_usual_vector(const sbi::FlatObject& object);
/// The body of PUT: the one or the other.
Vector read_vector(std::string_view body);

/// Reads a line of a bulk load, the `number`-th from 1. Throws Error{bad_request}; `dimsi` is the line's then, if that was sound.
VectorLine read_any_line(std::size_t number, std::string_view line, std::string& dimsi);
/// The fast path of the above: nothing for a line that it does not take, sound or not, which read_any_line() is then to judge.
std::optional<VectorLine> read_usual_line(std::size_t number, std::string_view line);

}  // namespace d_ausf

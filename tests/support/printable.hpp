#pragma once

#include <ostream>

namespace test {

/// What a stream takes: keys must be none of it.
template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace test

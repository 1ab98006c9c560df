#pragma once

#include <memory>

#include "tests/bench/work.hpp"

namespace bench {

/// Steps (8) to (10), 5G AKA: a challenge for an allocated IMSI, then its RES* to the link that came with it. Throws std::runtime_error
/// if the file of subscribers is missing or wrong.
std::unique_ptr<Work> make_aka_work(const Options& options);

}  // namespace bench

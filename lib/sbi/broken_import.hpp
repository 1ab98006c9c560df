#pragma once

#include <exception>
#include <string>

#include "lib/base/error.hpp"

namespace sbi {

/// Rethrows what ended an import of many lines. The store speaks of the piece that it could not take, and not of those before it: an
/// Error{unavailable} says instead what was done (`done`, in words) and that the whole can be sent again. Any other is rethrown as it is.
[[noreturn]] inline void rethrow_of_import(const std::exception_ptr& failure, const std::string& done) {
  try {
    std::rethrow_exception(failure);
  } catch (const base::Error& error) {
    if (error.kind() != base::ErrorKind::unavailable) throw;
    throw base::Error(error.kind(), error.cause(), "not all lines could be stored and recorded now; of those before: " + done + ". Send all of them again");
  }
}

}  // namespace sbi

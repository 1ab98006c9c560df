#include "lib/sbi/arrivals.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace sbi {
namespace {

constexpr int kTries = 16;  ///< then others have their turn first

/// It came and went, and is not in the queue any more; the next one may be sound (accept(2), "Error handling").
bool is_of_one_connection(int error) {
  constexpr std::array kErrors = {EINTR,  ECONNABORTED, EPROTO,       ENETDOWN,   ENOPROTOOPT, EHOSTDOWN,
                                  ENONET, EHOSTUNREACH, ENETUNREACH, EOPNOTSUPP, EPERM};
  return std::find(kErrors.begin(), kErrors.end(), error) != kErrors.end();
}

}  // namespace

std::optional<Arrival> accept_one(int listening, std::size_t listener) {
  for (int tries = 0; tries < kTries; ++tries) {
    Arrival arrival;
    auto length = static_cast<socklen_t>(arrival.remote.capacity());
    arrival.socket = base::Descriptor(::accept4(listening, arrival.remote.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (arrival.socket.is_open()) {
      arrival.remote.resize(length);
      arrival.listener = listener;
      return arrival;
    }
    if (errno == EAGAIN) return std::nullopt;
    if (!is_of_one_connection(errno)) throw boost::system::system_error(errno, boost::system::system_category(), "accept");
  }
  return std::nullopt;
}

bool Arrivals::push(const std::string& peer, Arrival arrival) {
  lines_.push(peer, std::move(arrival));
  return lines_.size() <= most_ || !drop();
}

}  // namespace sbi

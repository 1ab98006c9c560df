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
  const auto [known, is_new] = of_peer_.try_emplace(peer);
  if (is_new) known->second = lines_.insert(lines_.end(), Line{peer, {}});
  known->second->arrivals.push_back(std::move(arrival));
  ++size_;
  return size_ <= most_ || !drop();
}

Arrival Arrivals::pop() {
  const auto line = lines_.begin();
  Arrival arrival = std::move(line->arrivals.front());
  line->arrivals.pop_front();
  --size_;
  lines_.splice(lines_.end(), lines_, line);
  forget_if_empty(line);
  return arrival;
}

bool Arrivals::drop() {
  const auto longest = std::max_element(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.arrivals.size() < b.arrivals.size(); });
  if (longest == lines_.end()) return false;
  longest->arrivals.pop_back();
  --size_;
  forget_if_empty(longest);
  return true;
}

void Arrivals::clear() {
  lines_.clear();
  of_peer_.clear();
  size_ = 0;
}

void Arrivals::forget_if_empty(Lines::iterator line) {
  if (!line->arrivals.empty()) return;
  of_peer_.erase(line->peer);
  lines_.erase(line);
}

}  // namespace sbi

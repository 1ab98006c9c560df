#include "lib/sbi/http1_listener.hpp"

#include <pistache/peer.h>
#include <pistache/transport.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "lib/base/log.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
namespace Aio = Pistache::Aio;
namespace Http = Pistache::Http;
namespace Polling = Pistache::Polling;
namespace Tcp = Pistache::Tcp;

constexpr int kHttp1Backlog = 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};   ///< when there are no descriptors
constexpr timespec kLateCheckEach{0, 500 * 1000 * 1000};

/// What a thread of Pistache's has, and the time that a peer may take: until the first request's head is whole, until its body is, and from an
/// answer until the next request is. Who has been told nothing yet is told 408.
class TimedTransport final : public Tcp::Transport {
 public:
  TimedTransport(const std::shared_ptr<Tcp::Handler>& handler, const ServerLimits& limits)
      : Tcp::Transport(handler), handler_(handler), limits_(limits) {}
  ~TimedTransport() override {
    if (timer_ >= 0) ::close(timer_);
  }
  TimedTransport(const TimedTransport&) = delete;
  TimedTransport& operator=(const TimedTransport&) = delete;

  [[nodiscard]] std::shared_ptr<Aio::Handler> clone() const override { return std::make_shared<TimedTransport>(handler_->clone(), limits_); }

  void registerPoller(Polling::Epoll& poller) override {
    Tcp::Transport::registerPoller(poller);
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    const itimerspec each{kLateCheckEach, kLateCheckEach};
    if (timer_ < 0 || ::timerfd_settime(timer_, 0, &each, nullptr) != 0) throw std::system_error(errno, std::generic_category());
    poller.addFd(timer_, Pistache::Flags<Polling::NotifyOn>(Polling::NotifyOn::Read), timer_tag());
  }

  void onReady(const Aio::FdSet& ready) override {
    const bool is_due = std::any_of(ready.begin(), ready.end(), [this](const Aio::FdSet::Entry& entry) { return entry.getTag() == timer_tag(); });
    std::uint64_t times = 0;
    if (is_due && ::read(timer_, &times, sizeof times) > 0) end_late_ones();
    Tcp::Transport::onReady(ready);
  }

 private:
  using Instant = std::chrono::steady_clock::time_point;

  [[nodiscard]] Polling::Tag timer_tag() const { return Polling::Tag(static_cast<std::uint64_t>(timer_)); }

  /// Pistache takes them away when it reads the end: in here it still holds them.
  void end_late_ones() {
    const Instant now = std::chrono::steady_clock::now();
    for (const auto& [socket, peer] : peers) {
      if (!is_late(peer, now)) continue;
      if (!peer->isIdle()) {
        Http::ResponseWriter writer(Http::Version::Http11, this, static_cast<Http::Handler*>(handler_.get()), peer);
        writer.send(Http::Code::Request_Timeout);
        flush();
      }
      ::shutdown(socket, SHUT_RDWR);
    }
  }

  [[nodiscard]] bool is_late(const std::shared_ptr<Tcp::Peer>& peer, Instant now) const {
    const auto parser = Http::Handler::getParser(peer);
    const auto taken = now - parser->time();
    // A peer is idle once something was sent to it.
    if (peer->isIdle() || parser->step()->id() == Http::Private::BodyStep::Id) return taken > limits_.request_timeout;
    return taken > std::min(limits_.first_byte_timeout, limits_.request_timeout);
  }

  std::shared_ptr<Tcp::Handler> handler_;
  ServerLimits limits_;
  int timer_ = -1;
};

int listening_socket(const std::string& address, std::uint16_t port) {
  const asio::ip::tcp::endpoint at(asio::ip::make_address(address), port);
  const int socket = ::socket(at.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  constexpr int kYes = 1;
  if (socket >= 0 && ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &kYes, sizeof kYes) == 0 &&
      ::bind(socket, at.data(), static_cast<socklen_t>(at.size())) == 0 && ::listen(socket, kHttp1Backlog) == 0) {
    return socket;
  }
  const int error = errno;
  if (socket >= 0) ::close(socket);
  throw std::system_error(error, std::generic_category());
}

}  // namespace

Http1Listener::Http1Listener(const std::string& address, std::uint16_t port, const std::shared_ptr<Http::Handler>& handler,
                             const ServerLimits& limits, std::shared_ptr<Http1Sockets> sockets)
    : sockets_(std::move(sockets)), listening_(listening_socket(address, port)) {
  reactor_.init(Aio::AsyncContext(kThreads));
  transports_ = reactor_.addHandler(std::make_shared<TimedTransport>(handler, limits));
  reactor_.run();
  accepting_ = std::thread([this] { accept_all(); });
}

Http1Listener::~Http1Listener() {
  ::shutdown(listening_.get(), SHUT_RDWR);  // ends the wait for another one
  accepting_.join();
  reactor_.shutdown();
}

std::uint16_t Http1Listener::port() const {
  asio::ip::tcp::endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(listening_.get(), bound.data(), &size) != 0) throw std::system_error(errno, std::generic_category());
  return bound.port();
}

void Http1Listener::accept_all() {
  bool is_stalled = false;
  while (true) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int socket = ::accept4(listening_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int error = errno;
    if (socket >= 0) {
      is_stalled = false;
      take_in(socket, from);
    } else if (sockets_->has_ended()) {
      return;
    } else if (error != ECONNABORTED && error != EINTR) {
      if (!std::exchange(is_stalled, true)) base::log::warning("accept failed (HTTP/1.1): {}", std::generic_category().message(error));
      std::this_thread::sleep_for(kAcceptPause);
    }
  }
}

void Http1Listener::take_in(int socket, const sockaddr_storage& from) {
  try {
    if (sockets_->take_in(socket, [&] { return hand_over(socket, from); })) return;
  } catch (const std::exception& error) {
    base::log::warning("a connection over HTTP/1.1 is closed: {}", error.what());
  }
  ::close(socket);
}

/// To the thread that has fewest: while a request waits for its answer, its thread's other connections wait with it.
std::size_t* Http1Listener::hand_over(int socket, sockaddr_storage from) {
  const auto fewest = std::min_element(connections_.begin(), connections_.end());
  const auto thread = static_cast<std::size_t>(fewest - connections_.begin());
  const auto transport = std::static_pointer_cast<Tcp::Transport>(reactor_.handlers(transports_)[thread]);
  transport->handleNewPeer(Tcp::Peer::Create(socket, Pistache::Address::fromUnix(reinterpret_cast<sockaddr*>(&from))));
  return &*fewest;
}

}  // namespace sbi

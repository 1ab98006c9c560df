#include "lib/sbi/http2_server.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <stdexcept>

#include "lib/sbi/http2_connection.hpp"
#include "lib/sbi/http2_server_state.hpp"

namespace sbi {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

}  // namespace

Http2Server::Http2Server(asio::io_context& loop, const Router& router, ServerLimits limits)
    : state_(std::make_shared<State>(loop, router, limits)) {
  state_->run_tick(state_);
}

Http2Server::~Http2Server() { state_->end(); }

std::uint16_t Http2Server::listen(const std::string& address, std::uint16_t port,
                                  std::shared_ptr<asio::ssl::context> tls) {
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(address), port);
    tcp::acceptor acceptor(state_->loop);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (state_->limits.share_port) acceptor.set_option(ReusePort(true));
    acceptor.bind(endpoint);
    acceptor.listen(1024);
    acceptor.non_blocking(true);
    const std::uint16_t bound = acceptor.local_endpoint().port();
    state_->listeners.push_back({std::move(acceptor), std::move(tls)});
    state_->accept(state_, state_->listeners.size() - 1);
    return bound;
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen at " + address + ":" + std::to_string(port) + ": " + error.code().message());
  }
}

void Http2Server::drain() {
  state_->shut_the_doors();
  const auto connections = state_->connections;
  for (const auto& connection : connections) connection->drain();
}

std::size_t Http2Server::open_connections() const { return state_->connections.size(); }

std::size_t Http2Server::handlers_at_work() const { return state_->at_work; }

const ServerCounters& Http2Server::counters() const { return state_->counters; }

void Http2Server::replace_tls(std::size_t listener, std::shared_ptr<asio::ssl::context> tls) { state_->listeners.at(listener).tls = std::move(tls); }

}  // namespace sbi

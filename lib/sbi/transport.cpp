#include "lib/sbi/transport.hpp"

#include <boost/asio/write.hpp>

namespace sbi {

void Transport::write(boost::asio::const_buffer from, std::function<void(Error, std::size_t)> done) {
  std::visit([&](auto& stream) { boost::asio::async_write(stream, from, std::move(done)); }, stream_);
}

}  // namespace sbi

#pragma once

#include <poll.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/sbi/http1_server.hpp"
#include "tests/sbi/served.hpp"

/// What the tests of the HTTP/1.1 front end share: one beside the HTTP/2 server, and connections to it that are driven by hand.
namespace test {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// A connection that stays: what is said, and the answers one after the other.
class Talk {
 public:
  /// From that address.
  Talk(boost::asio::io_context& io, std::uint16_t port, const char* local = "127.0.0.1") : socket_(io) {
    socket_.open(boost::asio::ip::tcp::v4());
    socket_.bind({boost::asio::ip::make_address(local), 0});
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
  }

  /// False: the server has closed.
  bool say(std::string_view octets) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(octets), error);
    return !error;
  }
  /// The next answer, whose body has the length that its header says; status 0: the server has closed.
  Answer hear() {
    std::size_t size = 0;
    while ((size = whole_size()) == 0) {
      if (!read()) return {};
    }
    Answer answer = parsed(said_.substr(0, size));
    said_.erase(0, size);
    return answer;
  }
  /// True: the server closes, and says nothing more before.
  bool is_closed() {
    while (read()) {
    }
    return said_.empty();
  }

 private:
  bool read() {
    pollfd ready{socket_.native_handle(), POLLIN, 0};
    if (poll(&ready, 1, 10000) <= 0) throw std::runtime_error("nothing comes over HTTP/1.1; there was: " + said_);
    std::array<char, 16 * 1024> buffer;
    boost::system::error_code error;
    const std::size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
    said_.append(buffer.data(), size);
    return !error;
  }
  /// Of the answer that said_ begins with; 0: it is not all there.
  [[nodiscard]] std::size_t whole_size() const {
    const std::size_t head_end = said_.find("\r\n\r\n");
    if (head_end == std::string::npos) return 0;
    const Answer answer = parsed(said_.substr(0, head_end + 4));
    const auto length = answer.headers.find("content-length");
    const std::size_t size = head_end + 4 + (length == answer.headers.end() ? 0 : std::stoul(length->second));
    return said_.size() < size ? 0 : size;
  }
  static Answer parsed(const std::string& text) {
    Answer answer;
    const std::size_t head_end = text.find("\r\n\r\n");
    if (head_end == std::string::npos || !text.starts_with("HTTP/1.1 ")) return answer;
    answer.status = std::stoi(text.substr(9, 3));
    for (std::size_t at = text.find("\r\n") + 2; at < head_end;) {
      const std::size_t end = text.find("\r\n", at);
      const std::size_t colon = text.find(": ", at);
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      answer.headers[name] = text.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    answer.body = text.substr(head_end + 4);
    return answer;
  }

  boost::asio::ip::tcp::socket socket_;
  std::string said_;
};

struct Http1Fixture : ServedFixture {
  Http1Fixture() {
    serve();
    open_client();
    http1 = std::make_unique<sbi::Http1Server>(loop.io(), router, limits);
    http1_port = http1->listen("127.0.0.1", 0);
  }
  ~Http1Fixture() {
    loop.run([this] { gate.open(); });
    http1->stop();
  }

  Talk talk() { return {peer_io, http1_port}; }
  /// One request on a connection of its own.
  Answer exchange(std::string_view octets) {
    Talk once = talk();
    once.say(octets);
    return once.hear();
  }

  static std::string request_text(const std::string& method, const std::string& target, const std::string& type, const std::string& body) {
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    if (!type.empty()) text += "Content-Type: " + type + "\r\n";
    if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }

  std::unique_ptr<sbi::Http1Server> http1;
  std::uint16_t http1_port = 0;
};

}  // namespace test

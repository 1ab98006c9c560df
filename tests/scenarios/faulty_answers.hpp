#pragma once

#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/sbi/message.hpp"
#include "lib/sbi/router.hpp"

/// Answers that no peer should give: garbage, half an answer, the wrong type, no ProblemDetails, a redirect, a body without end.
namespace test {

/// More than any client of ours may take of one body that does not end, with all that lies in windows and buffers.
inline constexpr std::size_t kMostOfEndless = 32 * 1024 * 1024;

/// A body that never ends.
class EndlessBody final : public sbi::BodyReader {
 public:
  boost::asio::awaitable<std::optional<std::string>> next() override {
    std::string piece(64 * 1024, ' ');
    given_in_all += piece.size();
    co_return std::move(piece);
  }
  static inline std::atomic<std::size_t> given_in_all{0};
};

/// A body that breaks off: the stream is reset, when its head is long on its way.
class BrokenBody final : public sbi::BodyReader {
 public:
  boost::asio::awaitable<std::optional<std::string>> next() override {
    if (left_ == 0) throw std::runtime_error("this answer stops half way");
    --left_;
    std::string piece(16 * 1024, ' ');
    co_return std::move(piece);
  }

 private:
  int left_ = 32;
};

/// A body that comes an octet at a time, each of them soon enough, without end.
class DrippingBody final : public sbi::BodyReader {
 public:
  boost::asio::awaitable<std::optional<std::string>> next() override {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer pause(executor, std::chrono::milliseconds(10));
    boost::system::error_code ignored;
    co_await pause.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    std::string piece(" ");
    co_return std::move(piece);
  }
};

struct FaultyAnswer {
  const char* name;
  std::function<sbi::Response()> answer;
  bool ends = true;  ///< false: it never comes whole
};

inline sbi::Response streamed(int status, std::shared_ptr<sbi::BodyReader> body) {
  sbi::Response out(status);
  out.headers.add("content-type", sbi::kJson);
  out.stream = std::move(body);
  return out;
}

inline FaultyAnswer redirect_to(const std::string& uri) {
  return {"a redirect", [uri] { return sbi::Response(307).with("location", uri); }};
}

inline FaultyAnswer dripping_answer(int status) {
  return {"it drips", [status] { return streamed(status, std::make_shared<DrippingBody>()); }, false};
}

/// Whatever the status says.
inline std::vector<FaultyAnswer> faulty_answers_of(int status) {
  const std::string type = status < 300 ? sbi::kJson : sbi::kProblemJson;
  const auto of = [status](const std::string& content_type, const std::string& body) {
    return [status, content_type, body] { return sbi::Response(status, content_type, body); };
  };
  return {{"garbage", of(type, "{\"encryptedKey\":]")},
          {"half of it", of(type, "{\"encryptedKey\":\"AAAA\"")},
          {"another type", of("text/html", "<html>")},
          {"null", of(type, "null")},
          {"nothing", [status] { return sbi::Response(status); }},
          {"octets that are no UTF-8", of(type, "{\"cause\":\"\xff\xfe\"}")},
          {"it breaks off", [status] { return streamed(status, std::make_shared<BrokenBody>()); }, false},
          {"no end", [status] { return streamed(status, std::make_shared<EndlessBody>()); }, false}};
}

/// JSON that is no ProblemDetails, or one whose members are not what they should be; of none of them there is a cause to be read.
inline std::vector<FaultyAnswer> faulty_problems_of(int status) {
  const auto of = [status](const std::string& body) { return [status, body] { return sbi::Response(status, sbi::kProblemJson, body); }; };
  return {{"members that are null", of(R"({"status":null,"title":null,"cause":null,"detail":null,"invalidParams":null})")},
          {"members of other types", of(R"({"status":"x","title":{},"cause":7,"detail":["x"],"invalidParams":true})")},
          {"a cause in an object", of(R"({"cause":{"cause":"USER_NOT_FOUND"}})")},
          {"a cause that is none", of(R"({"cause":"user not found","detail":"\u0000"})")},
          {"no members", of("{}")},
          {"an array", of(R"(["USER_NOT_FOUND"])")},
          {"a text", of(R"("USER_NOT_FOUND")")},
          {"deep nesting", of(std::string(100000, '[') + std::string(100000, ']'))},
          {"deep nesting without an end", of(std::string(100000, '['))}};
}

/// With each of these statuses, and a redirect to `elsewhere`.
inline std::vector<FaultyAnswer> faulty_answers(std::initializer_list<int> statuses, const std::string& elsewhere) {
  std::vector<FaultyAnswer> out{redirect_to(elsewhere)};
  for (const int status : statuses) {
    for (FaultyAnswer& fault : faulty_answers_of(status)) out.push_back(std::move(fault));
  }
  return out;
}

}  // namespace test

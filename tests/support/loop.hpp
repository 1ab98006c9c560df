#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

namespace test {

inline constexpr std::chrono::seconds kDeadline{10};  ///< of every wait of a test

/// What a future brings; throws std::runtime_error if it does not within the deadline.
template <class Result>
Result get(std::future<Result>& future, std::chrono::milliseconds deadline = kDeadline) {
  if (future.wait_for(deadline) != std::future_status::ready) throw std::runtime_error("a test waited too long");
  return future.get();
}

/// An io_context and the thread that runs it. stop() before what the loop uses goes; the destructor does it at the latest.
class Loop {
 public:
  Loop() : guard_(io_.get_executor()), thread_([this] { io_.run(); }) {}
  ~Loop() { stop(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] boost::asio::io_context& io() { return io_; }

  /// Runs `work` on the loop's thread; its result, or what it throws.
  template <class Work>
  auto run(Work work) {
    const auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
    auto done = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });  // given the task itself, Asio would take its future
    return get(done);
  }

  /// Starts a coroutine on the loop.
  template <class Result>
  std::future<Result> start(boost::asio::awaitable<Result> coroutine) {
    return boost::asio::co_spawn(io_, std::move(coroutine), boost::asio::use_future);
  }
  /// The same, and its result.
  template <class Result>
  Result await(boost::asio::awaitable<Result> coroutine) {
    auto done = start(std::move(coroutine));
    return get(done);
  }

  void stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

}  // namespace test

#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"
#include "tests/support/loop.hpp"

namespace test {

/// A network function of another maker, over real sockets at a free port of loopback: any method at any path comes to `answer`.
/// It has a thread of its own, on which `answer` runs; its methods are for the test's.
class FakeFunction {
 public:
  using Answer = std::function<sbi::Response(const sbi::Request&)>;  ///< the request with its whole body

  /// What it does in place of answering.
  enum class Fault {
    none,
    hang,                ///< takes the request and says nothing until release()
    no_read,             ///< the same, and does not read the request's body either
    half,                ///< the answer's head and half of its body, then it resets the stream
    garbage,             ///< a body that is no JSON
    wrong_content_type,  ///< text/html
    endless,             ///< a body that never ends
    redirect,            ///< 307 with a relative Location
    overload,            ///< 503 with Retry-After
  };

  explicit FakeFunction(Answer answer, std::uint16_t port = 0);
  ~FakeFunction();
  FakeFunction(const FakeFunction&) = delete;
  FakeFunction& operator=(const FakeFunction&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string uri() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] sbi::Uri root() const { return sbi::Uri::parse(uri()); }

  void set_fault(Fault fault) { fault_ = fault; }
  /// Answers what hangs, and hangs no more.
  void release();
  [[nodiscard]] std::size_t hanging() const { return hanging_; }
  /// What it was asked, in order; bodies of more than 1 MiB are not kept.
  [[nodiscard]] std::vector<sbi::Request> asked();
  [[nodiscard]] std::size_t times_asked() { return asked().size(); }
  void forget_asked();
  [[nodiscard]] std::size_t octets_taken() const { return octets_taken_; }  ///< of requests' bodies
  [[nodiscard]] std::size_t octets_given() const { return octets_given_; }  ///< of bodies of large()

  /// An answer whose body has so many octets, made as they are taken.
  [[nodiscard]] sbi::Response large(std::size_t octets);

  /// True once `condition` holds, on the test's thread; false if it does not within the deadline of a test.
  static bool eventually(const std::function<bool()>& condition);

 private:
  class Source;
  boost::asio::awaitable<sbi::Response> serve(const sbi::Request& request, std::shared_ptr<sbi::BodyReader> body);
  boost::asio::awaitable<void> hang();
  sbi::Response faulty(const sbi::Request& request);

  Answer answer_;
  Loop loop_;
  sbi::Router router_;
  std::unique_ptr<sbi::Http2Server> server_;
  boost::asio::steady_timer held_;
  std::uint16_t port_ = 0;
  std::atomic<Fault> fault_{Fault::none};
  std::atomic<std::size_t> hanging_{0};
  std::atomic<std::size_t> octets_taken_{0};
  std::atomic<std::size_t> octets_given_{0};
  std::mutex mutex_;
  std::vector<sbi::Request> asked_;
};

/// A peer that takes connections and speaks no HTTP/2: it sends these octets, and no more.
class NoHttp2 {
 public:
  explicit NoHttp2(std::string octets);
  ~NoHttp2();
  NoHttp2(const NoHttp2&) = delete;
  NoHttp2& operator=(const NoHttp2&) = delete;
  [[nodiscard]] sbi::Uri root() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// An AUSF as Open5GS' is on the wire (OPEN5GS.md of the 3GPP notes): absolute Location and links, contexts by number, 400 for a
/// wrong RES*. EAP-AKA' besides, which Open5GS has not: one round, any response succeeds. A subscriber ...404 is unknown.
class FakeAusf {
 public:
  /// In place of what is right: of the next answers, all of them.
  enum class Oddity {
    none,
    relative_location,
    bare_location,
    no_location,
    foreign_location,
    garbage_location,
    garbage_link,
    short_supi
  };

  explicit FakeAusf(bool uses_eap = false) : uses_eap_(uses_eap) {}
  [[nodiscard]] FakeFunction& function() { return function_; }
  FakeFunction* operator->() { return &function_; }
  void set_oddity(Oddity oddity) { oddity_ = oddity; }
  /// As after a restart: contexts are numbered from 1 again.
  void forget_contexts();
  [[nodiscard]] std::size_t contexts();

  static inline const std::string kResStar = std::string(31, '5') + "a";

 private:
  sbi::Response answer(const sbi::Request& request);
  sbi::Response create(const sbi::Request& request);
  [[nodiscard]] std::string location_of(const std::string& context) const;
  sbi::Response confirm(const sbi::Request& request, const std::string& context);

  bool uses_eap_;
  std::atomic<Oddity> oddity_{Oddity::none};
  std::mutex mutex_;
  std::map<std::string, std::string> contexts_;  ///< SUPI by id
  int next_ = 1;
  FakeFunction function_{[this](const sbi::Request& request) { return answer(request); }};
};

/// A UDM as Open5GS' is on the wire: vectors, auth-events by POST and by PUT without id, subscription data, registrations. What
/// was PUT is what GET shows; a path under `large/N` has N octets.
class FakeUdm {
 public:
  [[nodiscard]] FakeFunction& function() { return function_; }
  FakeFunction* operator->() { return &function_; }
  /// As after a restart.
  void forget();

 private:
  sbi::Response answer(const sbi::Request& request);
  sbi::Response resource(const sbi::Request& request, const std::string& path);

  std::mutex mutex_;
  std::map<std::string, std::string> resources_;  ///< bodies by path
  int next_ = 1;
  FakeFunction function_{[this](const sbi::Request& request) { return answer(request); }};
};

}  // namespace test

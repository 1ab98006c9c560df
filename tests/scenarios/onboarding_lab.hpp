#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

#include "lib/sbi/http2_server.hpp"
#include "lib/store/database.hpp"
#include "tests/scenarios/lab.hpp"
#include "tests/support/patient_limits.hpp"

/// What the tests of onboarding share.
namespace test {

inline const std::string kSecond = "901700000000002";
inline const std::string kThird = "901700000000003";
inline const std::string kImports = "/nausfext-onboarding/v1/imports";
inline const HeaderList kAsync{{"prefer", "respond-async"}};

inline sbi::Response problem(int status, const std::string& cause, const std::string& detail = "as the test wants it") {
  return {status, sbi::kProblemJson, json{{"status", status}, {"cause", cause}, {"detail", detail}}.dump()};
}

/// The answer of a D-AUSF that has a vector.
inline sbi::Response stored_answer() { return sbi::Response(201).with("etag", "\"1\""); }

/// Waits with a deadline; true if it came.
inline bool wait_until(const std::function<bool()>& has_come) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!has_come()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// An ARPF that keeps every request until it is let go, and then refuses: how many are inside is what is in flight.
class GatedArpf {
 public:
  explicit GatedArpf(std::uint16_t port) {
    router_.add("POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", sbi::BodyKind::json,
                sbi::WaitingHandler([this](const sbi::Request&) { return keep(); }));
    loop_.run([&] {
      gate_.emplace(loop_.io(), std::chrono::steady_clock::time_point::max());
      server_ = std::make_unique<sbi::Http2Server>(loop_.io(), router_, patient_limits());
      server_->listen("127.0.0.1", port, nullptr);
    });
  }
  ~GatedArpf() {
    let_go();
    loop_.run([this] { server_.reset(); });
    loop_.stop();
  }

  void let_go() {
    loop_.run([this] {
      is_open_ = true;
      gate_->cancel();
    });
  }
  [[nodiscard]] std::size_t inside() const { return inside_; }
  [[nodiscard]] std::size_t most() const { return most_; }

 private:
  boost::asio::awaitable<sbi::Response> keep() {
    most_ = std::max<std::size_t>(most_, ++inside_);
    boost::system::error_code ignored;
    if (!is_open_) co_await gate_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    --inside_;
    co_return problem(403, "CI_NOT_AGREED");
  }

  Loop loop_;
  sbi::Router router_;
  std::unique_ptr<sbi::Http2Server> server_;
  std::optional<boost::asio::steady_timer> gate_;
  bool is_open_ = false;
  std::atomic<std::size_t> inside_ = 0;
  std::atomic<std::size_t> most_ = 0;
};

/// nf-ausf-ext, whose configuration a test may change before it starts it, and what the tests of onboarding ask it.
struct OnboardingFixture : Lab {
  OnboardingFixture() : config(ausf_ext_config()) {}

  Answer put(const SecureElement& device, const HeaderList& headers = {}) {
    return to_ausf("PUT", kDevices + device.dimsi, offer(device), headers);
  }
  Answer retire(const std::string& dimsi) { return to_ausf("POST", kDevices + dimsi + "/retire"); }
  json get(const std::string& dimsi) { return to_ausf("GET", kDevices + dimsi).content(); }
  json pool() { return to_ausf("GET", "/nausfext-onboarding/v1/imsi-pools").content()[0]; }
  bool comes_to(const std::string& dimsi, const std::string& state) { return wait_for_state(dimsi, state)["state"] == state; }
  bool comes_to_cause(const std::string& dimsi, const std::string& cause) {
    const auto has_cause = [&cause](const json& device) { return device.value("/problem/cause"_json_pointer, "") == cause; };
    return has_cause(wait_for(dimsi, has_cause));
  }
  bool loses_problem(const std::string& dimsi) {
    const auto has_none = [](const json& device) { return !device.contains("problem"); };
    return has_none(wait_for(dimsi, has_none));
  }
  void one_imsi_only() { config.pools.front().to = config.pools.front().from; }

  store::Database database() { return store::Database::open(folder / "ausf-ext.db"); }
  std::int64_t count(const std::string& sql) {
    auto store = database();
    auto rows = store.query(sql);
    return rows.next() ? rows.integer(0) : -1;
  }

  /// Imports lines and returns where the import is to be read.
  std::string import(const std::string& lines) {
    const Answer answer = to_ausf_raw("POST", kImports, lines, {{"content-type", "application/x-ndjson"}});
    REQUIRE(answer.status == 202);
    return sbi::Uri::parse(answer.header("location")).path;
  }
  Answer to_ausf_raw(const std::string& method, const std::string& target, const std::string& body, const HeaderList& headers) {
    return caller.send(ausf_port, method, target, body, headers);
  }
  std::string line(const SecureElement& device) const {
    json out = offer(device);
    out["dimsi"] = device.dimsi;
    return out.dump() + "\n";
  }
  json wait_for_import(const std::string& path, const std::string& state) {
    json status;
    wait_until([&] { return (status = to_ausf("GET", path).content())["state"] == state; });
    return status;
  }
  std::vector<json> problems(const std::string& path) {
    std::istringstream in(to_ausf("GET", path + "/problems").body);
    std::vector<json> out;
    for (std::string text; std::getline(in, text);) out.push_back(json::parse(text));
    return out;
  }

  ausf_ext::Config config;
};

}  // namespace test

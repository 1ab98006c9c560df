#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/crypto/keys.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/router.hpp"
#include "tests/support/loop.hpp"

namespace test {

/// The instance that tests register at it.
inline const std::string kOwnId = "11111111-1111-4111-8111-111111111111";

/// An NRF over real sockets that behaves as Open5GS' does on the wire (its 400s, eviction, order of discovery, notifications), with
/// faults on demand. It has a thread of its own; its methods are for the test's.
class FakeNrf {
 public:
  enum class Kind { enrol, heartbeat, leave, discover, subscribe, renew, unsubscribe, token };

  struct Options {
    std::uint16_t port = 0;                          ///< 0: a free one
    std::vector<nlohmann::json> serves;              ///< PLMNs; empty: all
    std::int64_t heartbeat_s = 0;                    ///< granted in place of what was asked for, if not 0
    std::int64_t validity_s = 30;                    ///< of discoveries
    std::chrono::milliseconds second{1000};          ///< how long its seconds are
    bool evicts = false;                             ///< whoever was silent for heartBeatTimer and a second
    std::optional<std::string> subscription_end;     ///< the validityTime it grants, in place of what was asked for
    std::shared_ptr<const crypto::PrivateKey> token_key;  ///< signs access tokens (ES256 or ES384); null: it grants none
    std::int64_t token_lifetime_s = 3600;
    std::string id = "99999999-9999-4999-8999-999999999999";  ///< the issuer of its tokens
    base::Clock clock = base::system_now;                     ///< for what tokens say of time; called on its thread
  };

  FakeNrf() : FakeNrf(Options()) {}
  explicit FakeNrf(Options options);
  ~FakeNrf();
  FakeNrf(const FakeNrf&) = delete;
  FakeNrf& operator=(const FakeNrf&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string uri() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] sbi::Uri parsed_uri() const { return sbi::Uri::parse(uri()); }

  /// The next request of that kind gets this answer, and has no other effect.
  void answer_next(Kind kind, sbi::Response answer);
  /// Requests of that kind wait until they are released; then each has its effect, whether its sender still waits or not, before
  /// release() returns.
  void hang(Kind kind);
  void release(Kind kind);
  /// Loses its memory: registrations and subscriptions.
  void forget();
  /// Listens no more, and every connection breaks; its memory stays. Then comes back at the same port.
  void go_away();
  void come_back();

  /// A network function of somebody else registers (again), or leaves; subscribers are told.
  void publish(nlohmann::json profile);
  void withdraw(const std::string& id);

  /// A notification to a URI, as it is given; the status of the answer.
  sbi::Response notify(const std::string& uri, const std::string& body);

  [[nodiscard]] int count(Kind kind);  ///< requests so far
  [[nodiscard]] std::vector<sbi::Request> requests(Kind kind);
  [[nodiscard]] std::optional<nlohmann::json> profile(const std::string& id);
  [[nodiscard]] std::vector<nlohmann::json> subscriptions();
  /// The access tokens that it gave, in order.
  [[nodiscard]] std::vector<std::string> granted_tokens();
  /// What subscribers answered to notifications, in order.
  [[nodiscard]] std::vector<int> notification_answers();

  /// True once `condition` holds, on the test's thread; false if it does not within the deadline of a test.
  static bool eventually(const std::function<bool()>& condition);

 private:
  struct Entry {
    nlohmann::json profile;
    std::chrono::steady_clock::time_point heard;
    bool is_foreign = false;  ///< never evicted
  };
  struct Subscription {
    std::string id;
    nlohmann::json data;
  };
  using Act = std::function<sbi::Response(const sbi::Request&)>;
  void add_routes();
  void route(const std::string& method, const std::string& pattern, Kind kind, Act act);
  boost::asio::awaitable<sbi::Response> handle(Kind kind, const Act& act, const sbi::Request& request);
  sbi::Response enrol(const sbi::Request& request);
  sbi::Response heartbeat(const sbi::Request& request);
  sbi::Response leave(const sbi::Request& request);
  sbi::Response discover(const sbi::Request& request);
  sbi::Response subscribe(const sbi::Request& request);
  sbi::Response renew(const sbi::Request& request);
  sbi::Response unsubscribe(const sbi::Request& request);
  sbi::Response grant_token(const sbi::Request& request);
  void put(nlohmann::json profile, bool is_foreign);
  void evict();
  void tell(const std::string& event, const nlohmann::json& profile);
  boost::asio::awaitable<void> send_notification(std::string uri, std::string body);
  std::vector<Entry>::iterator find(const std::string& id);

  Options options_;
  Loop loop_;
  sbi::Router router_;
  std::unique_ptr<sbi::Http2Server> server_;
  std::unique_ptr<sbi::Client> client_;
  std::uint16_t port_ = 0;
  std::vector<Entry> entries_;  ///< in order of registration
  std::vector<Subscription> subscriptions_;
  std::map<Kind, std::vector<sbi::Request>> requests_;
  std::map<Kind, std::deque<sbi::Response>> scripted_;
  std::map<Kind, std::shared_ptr<boost::asio::steady_timer>> held_;
  std::map<Kind, int> waiting_;
  std::vector<int> notification_answers_;
  std::vector<std::string> granted_tokens_;
  int next_subscription_ = 1;
};

/// A profile as Open5GS shows one: an AUSF or UDM with one service at loopback.
nlohmann::json foreign_profile(const std::string& id, const std::string& type, const std::string& service, int port);

}  // namespace test

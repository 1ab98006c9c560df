#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <vector>

#include "tests/sbi/served.hpp"

using test::Http2Peer;
using test::request;

namespace {

/// Counts what stands around the requests of a server.
struct BatchesFixture : test::ServedFixture {
  BatchesFixture() {
    router.on_batch({[this] { ++begun; },
                     [this] {
                       ++ended;
                       feed();
                       if (ends_server) boost::asio::post(loop.io(), [this] { server.reset(); });
                       return owes;
                     },
                     [this] {
                       if (++settled == 1) fed_before = fed;
                       ended_before = ended;
                     }});
  }
  /// One of `feeding` asks again, so that the loop has more to read; kMostFed times at most.
  void feed() {
    if (feeding.empty() || fed == kMostFed) return;
    Http2Peer& peer = *feeding[fed++ % feeding.size()];
    (void)peer.http.session.request(request("GET", "/plain"));
    peer.flush();
  }
  static constexpr std::size_t kMostFed = 4000;  ///< tens of milliseconds; of 50 peers, no more than the streams that they may open unheard

  /// Of the loop's thread.
  std::vector<std::unique_ptr<Http2Peer>> feeding;
  std::size_t fed = 0;
  std::size_t fed_before = 0;  ///< when `settle` came first
  bool owes = true;
  bool ends_server = false;
  int begun = 0;
  int ended = 0;
  int settled = 0;
  int ended_before = 0;  ///< batches that had ended when `settle` came last
};

}  // namespace

TEST_CASE_METHOD(BatchesFixture, "What batches owe is settled once the loop has nothing more to read", "[sbi][server][batch]") {
  serve();
  Http2Peer peer(connect(), sbi::Http2Session::Role::client);
  sbi::StreamId last = 0;
  for (int i = 0; i < 50; ++i) last = peer.http.session.request(request("GET", "/plain"));
  REQUIRE(peer.pump_to_end(last));
  CHECK(eventually([this] { return settled > 0 && ended_before == ended; }));
  loop.run([this] {
    CHECK(begun == ended);
    CHECK(settled <= ended);
  });
}

TEST_CASE_METHOD(BatchesFixture, "Where nothing is owed, nothing is settled", "[sbi][server][batch]") {
  owes = false;
  serve();
  open_client();
  for (int i = 0; i < 3; ++i) CHECK(send("GET", "/plain").status == 200);
  loop.run([this] {
    CHECK(ended >= 3);
    CHECK(settled == 0);
  });
}

TEST_CASE_METHOD(BatchesFixture, "What is owed is settled in time while connections go on and on", "[sbi][server][batch]") {
  serve();
  std::promise<void> release;
  boost::asio::post(loop.io(), [&release] { release.get_future().wait_for(test::kDeadline); });  // until all have something to read
  for (int i = 0; i < 50; ++i) {
    feeding.push_back(std::make_unique<Http2Peer>(connect(), sbi::Http2Session::Role::client));
    (void)feeding.back()->http.session.request(request("GET", "/plain"));
    feeding.back()->flush();
  }
  release.set_value();
  CHECK(eventually([this] { return settled > 0; }));
  loop.run([this] {
    CHECK(fed_before > 0);
    CHECK(fed_before < kMostFed);
    feeding.clear();
  });
}

TEST_CASE_METHOD(BatchesFixture, "A server that is gone settles nothing", "[sbi][server][batch]") {
  serve();
  ends_server = true;
  open_client();
  auto answer = start("GET", "/plain");
  CHECK(eventually([this] { return server == nullptr; }));
  loop.run([this] {
    CHECK(ended == 1);
    CHECK(settled == 0);
  });
  answer.wait();  // answered or not
}

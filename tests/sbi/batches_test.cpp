#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

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
                       if (ends_server) boost::asio::post(loop.io(), [this] { server.reset(); });
                       return owes;
                     },
                     [this] {
                       ++settled;
                       ended_before = ended;
                     }});
  }
  /// Of the loop's thread.
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
  open_client();
  std::vector<std::future<sbi::Response>> answers;
  for (int round = 0; round < 20; ++round) {  // always some on their way
    const int before = loop.run([this] { return settled; });
    for (int i = 0; i < 100; ++i) answers.push_back(start("POST", "/echo", "{}"));
    CHECK(eventually([this, before] { return settled > before; }));
  }
  for (auto& answer : answers) CHECK(test::get(answer).status == 200);
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
  CHECK_NOTHROW(answer.wait());
}

#pragma once

#include <future>
#include <thread>

#include "lib/sbi/peer_shares.hpp"
#include "tests/sbi/served.hpp"

namespace test {

/// `GET /busy`, which holds the loop until it is released, and takes so much of it that whoever asked is in debt then.
class BusyRoute {
 public:
  explicit BusyRoute(sbi::Router& router) {
    router.add("GET", "/busy", sbi::BodyKind::none, sbi::PlainHandler([this](const sbi::Request&) {
                 has_begun_.set_value();
                 may_end_.get_future().wait_for(kDeadline);
                 std::this_thread::sleep_for(2 * sbi::PeerShares::kMostDebt);  // the debt is of time that was taken
                 return sbi::Response(200);
               }));
  }
  /// Waits until the loop is held: it accepts whoever connects from now on behind this request.
  void wait_until_held() {
    auto begun = has_begun_.get_future();
    get(begun);
  }
  void release() { may_end_.set_value(); }

 private:
  std::promise<void> has_begun_;
  std::promise<void> may_end_;
};

}  // namespace test

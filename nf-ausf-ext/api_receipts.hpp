#pragma once

#include "lib/sbi/router.hpp"
#include "nf-ausf-ext/accept_receipt.hpp"

namespace ausf_ext {

/// The route of PROTOCOL.md, section 8.3, at which the D-AUSF tells of receipts. One a loop.
class ReceiptApi {
 public:
  /// The path, which the vector's notificationUri ends with.
  static constexpr const char* kPath = "/nausfext-onboarding/v1/receipts";

  explicit ReceiptApi(AcceptReceipt& accept) : accept_(accept) {}

  void add_routes(sbi::Router& router);

 private:
  boost::asio::awaitable<sbi::Response> post_receipt(const sbi::Request& request);

  AcceptReceipt& accept_;
};

}  // namespace ausf_ext

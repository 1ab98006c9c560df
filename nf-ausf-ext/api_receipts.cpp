#include "nf-ausf-ext/api_receipts.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/sbi/json.hpp"

namespace ausf_ext {
namespace {

ReportedReceipt read_receipt(const sbi::JsonObject& object) {
  const auto dimsi = profile::DiscoveryImsi::from_digits(object.text("dimsi"));
  if (!dimsi) object.fail("dimsi", "is not 6 to 15 decimal digits");
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!imsi) object.fail("imsi", "is not 6 to 15 decimal digits");
  const ReportedReceipt receipt{*dimsi, *imsi, object.hex<14>("auts")};
  (void)object.text("receivedAt");  // for people: what counts is when it is durable here
  const auto network = object.optional_text("servingNetworkName");
  if (network && !aka::is_serving_network_name(*network)) {
    object.fail_optional("servingNetworkName", "is not of the form 5G:mnc001.mcc001.3gppnetwork.org");
  }
  return receipt;
}

}  // namespace

void ReceiptApi::add_routes(sbi::Router& router) {
  router.add("POST", kPath, sbi::BodyKind::json,
             sbi::WaitingHandler([this](const sbi::Request& request) { return post_receipt(request); }));
}

/// POST /nausfext-onboarding/v1/receipts: 204 whatever became of it.
boost::asio::awaitable<sbi::Response> ReceiptApi::post_receipt(const sbi::Request& request) {
  const nlohmann::json body = sbi::parse_json(request.body);
  const ReportedReceipt receipt = read_receipt(sbi::JsonObject(body));
  co_await accept_(receipt);
  co_return sbi::Response(204);
}

}  // namespace ausf_ext

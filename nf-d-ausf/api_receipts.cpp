#include "nf-d-ausf/api_receipts.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/bytes.hpp"

namespace d_ausf {

std::string write_receipt(const PendingReceipt& receipt) {
  nlohmann::ordered_json body{{"dimsi", receipt.dimsi.digits()},
                              {"imsi", receipt.imsi.digits()},
                              {"auts", base::to_hex(receipt.auts)},
                              {"receivedAt", base::to_rfc3339(receipt.received_at)}};
  if (!receipt.serving_network.empty()) body["servingNetworkName"] = receipt.serving_network;
  return body.dump();
}

}  // namespace d_ausf

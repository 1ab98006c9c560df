#pragma once

#include <string>

#include "nf-d-ausf/receipts.hpp"

namespace d_ausf {

/// The body of the notification of a receipt (PROTOCOL.md, section 8.3): {dimsi, imsi, auts, receivedAt, servingNetworkName}.
std::string write_receipt(const PendingReceipt& receipt);

}  // namespace d_ausf

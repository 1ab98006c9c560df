#include "nf-ausf-ext/accept_receipt.hpp"

#include "lib/base/log.hpp"
#include "lib/profile/discovery_vector.hpp"

namespace ausf_ext {
namespace {

/// Before these the SE cannot have had the vector; after them it says nothing new.
bool is_awaited_in(State state) { return state == State::key_retrieved || state == State::preloaded; }

/// The change itself, if the device is still the one that was looked at.
ReceiptVerdict mark_received(store::Database& database, const Device& seen, base::Time now) {
  auto device = find_device(database, seen.dimsi);
  if (!device || device->epoch != seen.epoch) return ReceiptVerdict::ignored;  // retired, or offered anew, meanwhile
  if (!is_awaited_in(device->state)) return ReceiptVerdict::late;
  device->state = State::received;
  device->problem.reset();
  device->attempts = 0;
  device->due_at = device->expires_at;
  update_device(database, *device, now);
  return ReceiptVerdict::taken;
}

void note(const profile::DiscoveryImsi& dimsi, ReceiptVerdict verdict, State before) {
  switch (verdict) {
    case ReceiptVerdict::taken: base::log::info("{}: the device took its IMSI", dimsi.digits()); return;
    case ReceiptVerdict::late: base::log::info("{}: a late receipt, the device has gone on from {}", dimsi.digits(), name(before)); return;
    case ReceiptVerdict::ignored: base::log::info("{}: a receipt that is not its device's is ignored", dimsi.digits()); return;
  }
}

}  // namespace

bool AcceptReceipt::is_genuine(const Device& device, const ReportedReceipt& receipt) const {
  if (device.imsi != receipt.imsi || device.sealed_key.empty()) return false;
  const profile::EphemeralKey key = parts_.keys.open(device.sealed_key, device.dimsi);
  const profile::Receipt expected = profile::make_receipt(key, device.dimsi, *device.imsi, device.mnc_length);
  return base::equal_in_constant_time(expected.reveal(), receipt.auts);
}

boost::asio::awaitable<ReceiptVerdict> AcceptReceipt::operator()(ReportedReceipt receipt) {
  ReceiptVerdict verdict = ReceiptVerdict::ignored;
  const auto device = find_device(parts_.reader, receipt.dimsi);
  if (device && is_genuine(*device, receipt)) {
    store::Committer::Work<ReceiptVerdict> work = [seen = *device, now = parts_.clock()](store::Database& database) {
      return mark_received(database, seen, now);
    };
    verdict = co_await parts_.committer.write(std::move(work));
  }
  note(receipt.dimsi, verdict, device ? device->state : State::offered);
  co_return verdict;
}

}  // namespace ausf_ext

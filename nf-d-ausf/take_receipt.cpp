#include "nf-d-ausf/take_receipt.hpp"

#include "lib/base/error.hpp"
#include "nf-d-ausf/receipts.hpp"

namespace d_ausf {
namespace {

/// What the answer is to the present vector; `known` if its receipt was recorded before.
ReceiptVerdict judge(const StoredVector& stored, const core::Resynchronization& answer) {
  const Vector& vector = stored.vector;
  if (vector.challenge.rand != answer.rand || !vector.receipt_hash) return ReceiptVerdict::unrelated;
  const profile::ReceiptHash hash = profile::receipt_hash(answer.auts);
  if (!base::equal_in_constant_time(hash, *vector.receipt_hash)) return ReceiptVerdict::wrong;
  return stored.received_at ? ReceiptVerdict::known : ReceiptVerdict::recorded;
}

ReceiptVerdict judge_present(store::Database& database, const profile::DiscoveryImsi& dimsi, const core::Resynchronization& answer) {
  const auto stored = find_vector(database, dimsi);
  if (!stored) throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "there is no vector for this dIMSI");
  return judge(*stored, answer);
}

/// Judges once more, for the vector may be another one by now, and records what is the device's receipt.
ReceiptVerdict record(store::Database& database, const profile::DiscoveryImsi& dimsi, const core::Resynchronization& answer,
                      const std::string& serving_network, base::Time now) {
  const ReceiptVerdict verdict = judge_present(database, dimsi, answer);
  if (verdict != ReceiptVerdict::recorded) return verdict;
  note_received(database, dimsi, now);
  const Vector vector = find_vector(database, dimsi)->vector;
  if (vector.notification_uri) {
    add_receipt(database, {dimsi, vector.imsi, answer.auts, now, serving_network, *vector.notification_uri});
  }
  return verdict;
}

}  // namespace

boost::asio::awaitable<ReceiptVerdict> TakeReceipt::operator()(profile::DiscoveryImsi dimsi, core::Resynchronization answer,
                                                               std::string serving_network) {
  const ReceiptVerdict first = judge_present(reader_, dimsi, answer);
  if (first != ReceiptVerdict::recorded) co_return first;  // nothing to write: a flood of wrong ones costs no transaction
  store::Committer::Work<ReceiptVerdict> work = [dimsi, answer, serving_network, now = clock_()](store::Database& database) {
    return record(database, dimsi, answer, serving_network, now);
  };
  const ReceiptVerdict verdict = co_await committer_.write(std::move(work));
  co_return verdict;
}

}  // namespace d_ausf

#include "nf-d-ausf/notify_receipts.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/sbi/problem.hpp"
#include "nf-d-ausf/api_receipts.hpp"

namespace d_ausf {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kLongestLook{1000};  ///< another instance may have left receipts in the database
constexpr milliseconds kShortestLook{20};

/// True for a 4xx that the same notification would meet again. Who may tell whom is configuration, which its operators mend.
bool is_final_refusal(int status) {
  const bool may_change = status == 401 || status == 403 || status == 408 || status == 425 || status == 429;
  return status >= 400 && status < 500 && !may_change;
}

/// What POST receipts is answered with (PROTOCOL.md, section 8.3). Another 2xx is somebody else's, a proxy's page, and the owner has heard nothing.
constexpr int kTaken = 204;

/// What stands before the service in a target AUSF's URI: so the client knows for which service it sends, and shows an access token for that where it has
/// any. All of a URI that is of no such form.
sbi::Uri api_root_of(sbi::Uri uri) {
  constexpr std::string_view kService = "/nausfext-onboarding/";
  const std::size_t at = uri.path.find(kService);
  if (at != std::string::npos) uri.path.resize(at);
  return uri;
}

std::string refusal_of(const sbi::Response& response) {
  const std::string cause = sbi::read_problem(response).cause.substr(0, 64);
  return "it answered " + std::to_string(response.status) + (cause.empty() ? "" : " " + cause);
}

}  // namespace

void NotifyReceipts::start() { asio::co_spawn(loop_, run(), asio::detached); }

void NotifyReceipts::stop() {
  is_stopping_ = true;
  timer_.cancel();
}

void NotifyReceipts::wake() {
  asio::post(loop_, [this] { timer_.cancel(); });
}

asio::awaitable<void> NotifyReceipts::run() {
  while (!is_stopping_) {
    milliseconds pause = kLongestLook;
    try {
      start_due();
      const auto next = find_next_due_receipt(parts_.reader);
      const bool has_room = in_flight_.size() < parts_.limits.max_in_flight;
      if (next && has_room) pause = std::clamp<milliseconds>(*next - parts_.clock(), kShortestLook, kLongestLook);
    } catch (const std::exception& error) {
      base::log::error("receipts that are due cannot be read: {}", error.what());
    }
    timer_.expires_after(pause);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void NotifyReceipts::start_due() {
  const std::size_t limit = parts_.limits.max_in_flight;
  if (in_flight_.size() >= limit) return;
  // Those in flight are due as well: ask for enough to see past them.
  for (PendingReceipt& receipt : find_due_receipts(parts_.reader, parts_.clock(), limit + in_flight_.size())) {
    if (in_flight_.size() >= limit) return;
    const bool is_new = in_flight_.emplace(receipt.dimsi, receipt.auts).second;
    if (is_new) asio::co_spawn(loop_, deliver(std::move(receipt)), asio::detached);
  }
}

asio::awaitable<void> NotifyReceipts::deliver(PendingReceipt receipt) {
  const Key key(receipt.dimsi, receipt.auts);
  bool is_broken = false;
  try {
    co_await attempt(std::move(receipt));
  } catch (const base::Error&) {  // the store cannot write, and has said why, once for all who wait for it: it stays due
    is_broken = true;
  } catch (const std::exception& error) {  // a read of the store: it stays due
    base::log::error("{}: a receipt's delivery cannot be noted: {}", key.first.digits(), error.what());
    is_broken = true;
  }
  if (is_broken) {
    asio::steady_timer pause(loop_, kLongestLook);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  in_flight_.erase(key);
  timer_.cancel();  // there is room for another
}

/// One delivery, and what came of it, noted.
asio::awaitable<void> NotifyReceipts::attempt(PendingReceipt receipt) {
  const std::string who = receipt.dimsi.digits();
  sbi::Response response;
  std::string failure;
  try {
    const sbi::Uri uri = sbi::Uri::parse(receipt.notification_uri);
    const sbi::Uri root = api_root_of(uri);
    sbi::Request request = sbi::make_request("POST", root, uri.path.substr(root.path.size()), write_receipt(receipt));
    response = co_await parts_.client.send(root, std::move(request), parts_.timeout);
    if (response.status != kTaken) failure = refusal_of(response);
  } catch (const std::exception& error) {  // no answer
    failure = error.what();
  }
  if (failure.empty() || is_final_refusal(response.status)) {
    if (failure.empty()) {
      base::log::info("{}: {} knows of the receipt", who, receipt.notification_uri);
    } else {
      base::log::warning("{}: {} will not hear of the receipt, which is dropped: {}", who, receipt.notification_uri, failure);
    }
    store::Committer::Work<void> work = [receipt](store::Database& database) { remove_receipt(database, receipt); };
    co_await parts_.committer.write(std::move(work));
    co_return;
  }
  base::log::warning("{}: {} does not know of the receipt yet: {}", who, receipt.notification_uri, failure);
  const auto doublings = std::min<std::int64_t>(receipt.attempts, 20);
  const milliseconds pause = std::min(parts_.limits.longest_pause, parts_.limits.first_pause * (std::int64_t{1} << doublings));
  const base::Time due_at = parts_.clock() + pause;
  store::Committer::Work<void> work = [receipt, due_at](store::Database& database) { postpone_receipt(database, receipt, due_at); };
  co_await parts_.committer.write(std::move(work));
}

}  // namespace d_ausf

#include "lib/core/nrf_link.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/base/log.hpp"

namespace core {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool is_silence(int status) { return status >= 500 || status == 408 || status == 429; }

sbi::Request make_request(const NrfRequest& request, const sbi::Uri& uri) {
  sbi::Request out = sbi::make_request(request.method, uri, request.target);
  if (!request.body.empty()) out.headers.add("content-type", request.content_type);
  out.body = request.body;
  return out;
}

}  // namespace

NrfLink::NrfLink(sbi::Client& client, const NrfSettings& settings) : client_(client), settings_(settings) {
  for (const auto& uri : settings.uris) nrfs_.push_back({uri, steady_clock::time_point::min(), 0});
}

milliseconds NrfLink::rest() const {
  const auto now = steady_clock::now();
  auto least = milliseconds::max();
  for (const Nrf& nrf : nrfs_) {
    if (nrf.silent_until <= now) return milliseconds::zero();
    least = std::min(least, std::chrono::ceil<milliseconds>(nrf.silent_until - now));
  }
  return least;
}

asio::awaitable<sbi::Response> NrfLink::send(NrfRequest request) {
  std::string failures;
  for (Nrf& nrf : nrfs_) {
    if (is_closed_) break;
    if (nrf.silent_until > steady_clock::now()) continue;
    sbi::Response answer;
    const bool is_answered = co_await try_one(nrf, request, answer, failures);
    if (is_answered) co_return std::move(answer);
  }
  throw NrfUnavailable(failures.empty() ? "every NRF was silent a moment ago" : failures);
}

/// True if `answer` is one. What went wrong is added to `failures`.
asio::awaitable<bool> NrfLink::try_one(Nrf& nrf, const NrfRequest& request, sbi::Response& answer, std::string& failures) {
  std::string why;
  bool is_there = false;
  try {
    sbi::Uri uri = nrf.uri;
    sbi::Request message = make_request(request, uri);
    answer = co_await client_.send(std::move(uri), std::move(message), settings_.timeout);
    if (is_silence(answer.status)) why = nrf.uri.origin() + " answered " + std::to_string(answer.status);
  } catch (const sbi::ClientError& error) {
    why = error.what();
    is_there = error.kind() == sbi::ClientError::Kind::broken;
  }
  if (why.empty()) {
    if (std::exchange(nrf.silences, 0) > 0) base::log::info("the NRF {} answers again", nrf.uri.origin());
    co_return true;
  }
  note_silence(nrf, is_there, why);
  failures += (failures.empty() ? "" : "; ") + why;
  co_return false;
}

/// An NRF that took the connection and broke it off may be well but for this one answer: its pause does not grow.
void NrfLink::note_silence(Nrf& nrf, bool is_there, const std::string& why) {
  const auto pause = growing_pause(settings_, is_there ? 0 : nrf.silences);
  nrf.silent_until = steady_clock::now() + pause;
  if (nrf.silences == 0) base::log::warning("the NRF is silent: {}", why);
  nrf.silences += is_there && nrf.silences > 0 ? 0 : 1;
}

asio::awaitable<void> NrfPause::rest(milliseconds pause) {
  if (!is_stopped_ && !is_woken_) {
    timer_.expires_after(pause);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  is_woken_ = false;
}

void NrfPause::wake() {
  is_woken_ = true;
  timer_.cancel();
}

void NrfPause::stop() {
  is_stopped_ = true;
  timer_.cancel();
}

}  // namespace core

#include "lib/core/nrf_link.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/base/log.hpp"

namespace core {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool is_no_answer(int status) { return status >= 500 || status == 408 || status == 429; }

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

asio::awaitable<sbi::Response> NrfLink::send(NrfRequest request) {
  std::string failures;
  std::vector<Nrf*> order;
  const auto now = steady_clock::now();
  for (Nrf& nrf : nrfs_) {
    if (nrf.silent_until <= now) order.push_back(&nrf);
  }
  for (Nrf& nrf : nrfs_) {
    if (request.is_paced && nrf.silent_until > now) order.push_back(&nrf);
  }
  for (Nrf* nrf : order) {
    if (is_closed_) break;
    sbi::Response answer;
    const bool is_answered = co_await try_one(*nrf, request, answer, failures);
    if (is_answered) co_return std::move(answer);
  }
  throw NrfUnavailable(failures.empty() ? "every NRF was silent a moment ago" : failures);
}

/// True if `answer` is one. What went wrong is added to `failures`.
asio::awaitable<bool> NrfLink::try_one(Nrf& nrf, const NrfRequest& request, sbi::Response& answer, std::string& failures) {
  std::string why;
  bool is_silent = false;
  try {
    sbi::Uri uri = nrf.uri;
    sbi::Request message = make_request(request, uri);
    answer = co_await client_.send(std::move(uri), std::move(message), settings_.timeout);
    if (is_no_answer(answer.status)) why = nrf.uri.origin() + " answered " + std::to_string(answer.status);
  } catch (const sbi::ClientError& error) {
    why = error.what();
    is_silent = error.kind() != sbi::ClientError::Kind::broken;
  }
  if (is_silent) {
    note_silence(nrf, why);
  } else if (std::exchange(nrf.silences, 0) > 0) {
    nrf.silent_until = steady_clock::time_point::min();
    base::log::info("the NRF {} answers again", nrf.uri.origin());
  }
  if (!why.empty()) failures += (failures.empty() ? "" : "; ") + why;
  co_return why.empty();
}

void NrfLink::note_silence(Nrf& nrf, const std::string& why) {
  if (nrf.silences == 0) base::log::warning("the NRF is silent: {}", why);
  nrf.silent_until = steady_clock::now() + growing_pause(settings_, nrf.silences++);
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

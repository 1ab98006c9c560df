#include "ue-sim/network.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "lib/base/secret.hpp"
#include "lib/sbi/json.hpp"

namespace ue_sim {

namespace asio = boost::asio;

namespace {

std::shared_ptr<asio::ssl::context> client_context(const sbi::TlsFiles& tls) {
  return tls.ca.empty() ? nullptr : sbi::make_client_context(tls);
}

/// The problems of an import may be many.
sbi::ClientLimits client_limits() {
  sbi::ClientLimits limits;
  limits.max_body_bytes = 64 * 1024 * 1024;
  return limits;
}

/// What the workers of one run share; all on one loop.
struct Run {
  std::size_t next = 0;
  std::size_t count;
  const Network::Work& work;
};

asio::awaitable<void> take_indices(Run& run) {
  while (run.next < run.count) {
    const std::size_t index = run.next++;
    co_await run.work(index);
  }
}

}  // namespace

Answer::~Answer() {
  auto* octets = reinterpret_cast<std::uint8_t*>(response.body.data());
  base::wipe(std::span(octets, response.body.size()));
}

nlohmann::json Answer::json() const {
  try {
    return sbi::parse_json(response.body);
  } catch (const base::Error& error) {
    throw std::runtime_error(std::string("the answer's body: ") + error.what());
  }
}

std::string Answer::cause() const { return sbi::read_problem(response).cause; }

std::string Answer::summary() const {
  std::string text = std::to_string(status());
  if (is_success()) return text;
  const sbi::ReceivedProblem problem = sbi::read_problem(response);
  if (!problem.cause.empty()) text += " " + problem.cause;
  if (!problem.detail.empty()) text += " (" + problem.detail + ")";
  return text;
}

Network::Network(const sbi::TlsFiles& tls, std::chrono::milliseconds deadline)
    : client_(loop_, "UE-SIM", client_context(tls), client_limits()), deadline_(deadline) {}

asio::awaitable<Answer> Network::send(sbi::Uri uri, sbi::Request request, std::chrono::milliseconds deadline) {
  const std::string what = request.method + " " + uri.origin() + request.target;
  std::string failure;
  sbi::ClientError::Kind kind = sbi::ClientError::Kind::broken;
  try {
    sbi::Response response = co_await client_.send(std::move(uri), std::move(request), deadline);
    co_return Answer(std::move(response));
  } catch (const sbi::ClientError& error) {
    failure = what + ": " + error.what();
    kind = error.kind();
  }
  throw sbi::ClientError(kind, failure);
}

asio::awaitable<Answer> Network::exchange(const char* method, sbi::Uri uri, std::string suffix, std::string json_body) {
  sbi::Request request = sbi::make_request(method, uri, suffix, std::move(json_body));
  Answer answer = co_await send(std::move(uri), std::move(request), deadline_);
  co_return answer;
}

asio::awaitable<Answer> Network::post_lines(sbi::Uri uri, std::string suffix, std::string lines,
                                            std::chrono::milliseconds deadline) {
  sbi::Request request = sbi::make_request("POST", uri, suffix);
  request.headers.add("content-type", sbi::kNdjson);
  request.body = std::move(lines);
  Answer answer = co_await send(std::move(uri), std::move(request), deadline);
  co_return answer;
}

asio::awaitable<void> Network::pause(std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

void Network::run(std::size_t count, std::size_t parallel, const Work& work) {
  Run run{0, count, work};
  std::size_t running = std::max<std::size_t>(1, std::min(parallel, count));
  std::exception_ptr failure;
  const auto ended = [&](std::exception_ptr error) {
    if (error && !failure) failure = error;
    if (error) run.next = run.count;
    if (--running == 0) loop_.stop();  // the client's connections stay open for the next run
  };
  const std::size_t workers = running;
  for (std::size_t i = 0; i < workers; ++i) asio::co_spawn(loop_, take_indices(run), ended);
  loop_.restart();
  loop_.run();
  if (failure) std::rethrow_exception(failure);
}

sbi::Uri resolve(const sbi::Uri& base, const std::string& reference) {
  if (!reference.starts_with('/')) return sbi::Uri::parse(reference);
  return sbi::Uri::parse(base.origin() + reference);
}

}  // namespace ue_sim

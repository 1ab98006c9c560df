#include "lib/core/access_tokens.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <limits>
#include <map>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/core/access_token.hpp"
#include "lib/core/nrf_link.hpp"
#include "lib/core/nrf_messages.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/problem.hpp"

namespace core {
namespace {

namespace asio = boost::asio;
using base::Error;
using base::ErrorKind;
using base::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr std::size_t kMaxErrorSize = 64;   ///< of an AccessTokenErr's error
constexpr std::size_t kMaxGrantedScopeSize = 1024;
constexpr std::string_view kScheme = "Bearer ";
/// A token with less left is not sent if a new one can be waited for.
constexpr milliseconds kLastMoment{1000};

/// The target's NF type and the scope.
using Key = std::pair<std::string, std::string>;

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/// True for a JWS in compact serialization, as far as its characters say.
bool is_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_token_character) && std::count(text.begin(), text.end(), '.') == 2;
}

/// True if each element of `wanted` is one of `granted`.
bool covers(const std::string& granted, const std::string& wanted) {
  const std::string all = " " + granted + " ";
  std::size_t begin = 0;
  while (begin < wanted.size()) {
    const std::size_t end = std::min(wanted.find(' ', begin), wanted.size());
    if (all.find(" " + wanted.substr(begin, end - begin) + " ") == std::string::npos) return false;
    begin = end + 1;
  }
  return true;
}

/// AccessTokenReq, as a form.
std::string write_request(const AccessTokens::Settings& settings, const Key& key) {
  return "grant_type=client_credentials&nfInstanceId=" + percent_encoded(settings.nf_instance_id) + "&nfType=" +
         percent_encoded(settings.nf_type) + "&targetNfType=" + percent_encoded(key.first) + "&scope=" + percent_encoded(key.second);
}

/// `for` a target: the end of each detail.
std::string for_target(const Key& key) { return " for " + key.first + " (" + key.second + ")"; }

/// The error that a refusal names, as an AccessTokenErr or a ProblemDetails has it.
std::string named_error(const sbi::Response& answer) {
  try {
    const auto document = sbi::parse_json(answer.body);
    const sbi::JsonObject object(document);
    if (object.has("error")) return object.text("error", kMaxErrorSize);
  } catch (const Error&) {  // a refusal all the same
  }
  const auto problem = sbi::read_problem(answer);
  return (problem.cause.empty() ? problem.title : problem.cause).substr(0, kMaxErrorSize);
}

/// Throws Error{bad_request}, which says what is wrong with the AccessTokenRsp.
TokenGrant read_grant(const sbi::Response& answer) {
  const auto document = sbi::parse_json(answer.body);
  const sbi::JsonObject response(document);
  const std::string token = response.text("access_token", kMaxAuthorizationSize - kScheme.size());
  if (!is_token(token)) response.fail("access_token", "is no JWS in compact serialization");
  if (response.text("token_type") != "Bearer") response.fail("token_type", "is not Bearer");
  std::int64_t lifetime_s = kUsualTokenLifetimeS;
  if (response.has("expires_in")) lifetime_s = response.integer("expires_in", 1, std::numeric_limits<std::int64_t>::max());
  return {std::string(kScheme) + token, seconds(std::min(lifetime_s, kMaxTokenLifetimeS)), response.optional_text("scope", kMaxGrantedScopeSize)};
}

NrfSettings link_settings(const AccessTokens::Settings& settings, const sbi::Uri& nrf) {
  NrfSettings out;
  out.uris = {nrf};
  out.timeout = settings.timeout;
  out.first_pause = settings.first_pause;
  out.longest_pause = settings.longest_pause;
  return out;
}

}  // namespace

TokenGrant read_token_answer(const sbi::Response& answer, const std::string& nrf, const std::string& target_nf_type, const std::string& scope) {
  const std::string refusal = "the NRF " + nrf + " gives no access token" + for_target({target_nf_type, scope}) + ": ";
  if (answer.status >= 400 && answer.status < 500) {
    const std::string named = named_error(answer);
    throw Error(ErrorKind::forbidden, "ACCESS_TOKEN_DENIED", refusal + std::to_string(answer.status) + (named.empty() ? "" : " ") + named);
  }
  if (answer.status != 200) {
    throw Error(ErrorKind::bad_gateway, "ACCESS_TOKEN_FAILURE", refusal + "it answered " + std::to_string(answer.status));
  }
  TokenGrant grant;
  try {
    grant = read_grant(answer);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_gateway, "ACCESS_TOKEN_FAILURE", refusal + "its answer is no AccessTokenRsp: " + error.what());
  }
  if (grant.scope && !covers(*grant.scope, scope)) {
    throw Error(ErrorKind::forbidden, "ACCESS_TOKEN_DENIED", refusal + "it grants less than that scope");
  }
  return grant;
}

/// Owned by its coroutines as well, which may outlive the AccessTokens.
struct AccessTokens::State : std::enable_shared_from_this<State> {
  /// One NRF, with the pauses that it gets when it is silent.
  struct Nrf {
    Nrf(sbi::Client& client, NrfSettings given) : settings(std::move(given)), link(client, settings) {}
    const NrfSettings settings;
    NrfLink link;
  };
  /// A request under way, who waits for it, and what they get: one of the two.
  struct Flight {
    explicit Flight(const asio::any_io_executor& loop) : landed(loop, std::chrono::steady_clock::time_point::max()) {}
    asio::steady_timer landed;  ///< cancelled when it has
    bool is_over = false;
    std::string authorization;
    std::optional<Error> failure;
  };
  /// A token, and what is done about the next one.
  struct Entry {
    std::string authorization;  ///< empty: there is none
    Time renewed_from;          ///< the next one is asked for
    Time awaited_from;          ///< and waited for: this one would not live long enough to arrive
    Time expires_at;
    std::optional<Error> failure;  ///< of the last request, if that failed
    Time failed_at;
    std::shared_ptr<Flight> flight;

    [[nodiscard]] bool serves_before(Time end, Time now) const { return !authorization.empty() && now < end; }
    /// It has failed a moment ago, on a clock that may have been set back since.
    [[nodiscard]] bool is_in_pause(Time now) const { return failure && now >= failed_at && now < failed_at + seconds(kTokenPauseS); }
  };

  State(sbi::Client& client, Settings given) : settings(std::move(given)) {
    for (const sbi::Uri& nrf : settings.nrfs) nrfs.emplace_back(client, link_settings(settings, nrf));
  }

  /// What there is for a key; a request is started if one is due.
  Entry& look_up(const Key& key, Time now, const asio::any_io_executor& loop);
  void make_room();
  static asio::awaitable<std::string> authorization(std::shared_ptr<State> self, Key key);
  static asio::awaitable<void> ask(std::shared_ptr<State> self, Key key, std::shared_ptr<Flight> flight);
  static asio::awaitable<TokenGrant> obtain(std::shared_ptr<State> self, Key key);
  void keep(Entry& entry, TokenGrant grant, Flight& flight) const;
  void use_stale(Entry& entry, Error failure, const std::string& why, Flight& flight) const;

  const Settings settings;
  std::deque<Nrf> nrfs;
  std::map<Key, Entry> entries;
};

AccessTokens::State::Entry& AccessTokens::State::look_up(const Key& key, Time now, const asio::any_io_executor& loop) {
  if (!entries.contains(key)) make_room();
  Entry& entry = entries[key];
  if (entry.flight || entry.serves_before(entry.renewed_from, now) || entry.is_in_pause(now)) return entry;
  entry.flight = std::make_shared<Flight>(loop);
  asio::co_spawn(loop, ask(shared_from_this(), key, entry.flight), asio::detached);
  return entry;
}

/// Makes room for one more entry. Those in flight are waited for and stay.
void AccessTokens::State::make_room() {
  if (entries.size() < kMaxAccessTokens) return;
  auto oldest = entries.end();
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (entry->second.flight) continue;
    if (oldest == entries.end() || entry->second.expires_at < oldest->second.expires_at) oldest = entry;
  }
  if (oldest == entries.end()) {
    throw Error(ErrorKind::unavailable, "INSUFFICIENT_RESOURCES", "too many requests for access tokens are under way");
  }
  entries.erase(oldest);
}

asio::awaitable<std::string> AccessTokens::State::authorization(std::shared_ptr<State> self, Key key) {
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  const Time now = self->settings.clock();
  const Entry& entry = self->look_up(key, now, loop);
  const std::shared_ptr<Flight> flight = entry.flight;
  if (entry.serves_before(flight ? entry.awaited_from : entry.expires_at, now)) co_return std::string(entry.authorization);
  if (!flight) throw Error(*entry.failure);  // in its pause
  while (!flight->is_over) {
    boost::system::error_code ignored;
    co_await flight->landed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (flight->failure) throw Error(*flight->failure);
  co_return std::string(flight->authorization);
}

asio::awaitable<void> AccessTokens::State::ask(std::shared_ptr<State> self, Key key, std::shared_ptr<Flight> flight) {
  TokenGrant grant;
  std::optional<Error> failure;
  std::string why;  // what the log may know besides
  try {
    grant = co_await obtain(self, key);
  } catch (const Error& error) {
    failure.emplace(error);
  } catch (const NrfUnavailable& error) {
    failure.emplace(ErrorKind::gateway_timeout, "NRF_NOT_REACHABLE", "no NRF can be asked for an access token" + for_target(key));
    why = error.what();
  } catch (const std::exception& error) {
    failure.emplace(ErrorKind::internal, "SYSTEM_FAILURE", "there is no access token" + for_target(key));
    why = error.what();
  }
  Entry& entry = self->entries.at(key);  // no one removes it while it is in flight
  entry.flight.reset();
  if (failure) {
    self->use_stale(entry, std::move(*failure), why, *flight);
  } else {
    self->keep(entry, std::move(grant), *flight);
  }
  flight->is_over = true;
  flight->landed.cancel();
}

/// Of the first NRF that answers. Throws Error as AccessTokens::authorization does, but NrfUnavailable if none answers.
asio::awaitable<TokenGrant> AccessTokens::State::obtain(std::shared_ptr<State> self, Key key) {
  const std::string form = write_request(self->settings, key);
  std::string silences;
  for (Nrf& nrf : self->nrfs) {
    NrfRequest request{"POST", "/oauth2/token", form, kForm};
    std::optional<sbi::Response> answer;
    try {
      answer = co_await nrf.link.send(std::move(request));
    } catch (const NrfUnavailable& error) {
      silences += (silences.empty() ? "" : "; ") + std::string(error.what());
    }
    if (answer) co_return read_token_answer(*answer, nrf.settings.uris.front().origin(), key.first, key.second);
  }
  throw NrfUnavailable(silences.empty() ? "there is none" : silences);
}

void AccessTokens::State::keep(Entry& entry, TokenGrant grant, Flight& flight) const {
  const Time now = settings.clock();
  const milliseconds last = std::min(std::max<milliseconds>(grant.lifetime / 10, seconds(kMinRenewalS)), grant.lifetime / 2);
  entry.authorization = std::move(grant.authorization);
  entry.expires_at = now + grant.lifetime;
  entry.renewed_from = entry.expires_at - last;
  entry.awaited_from = entry.expires_at - std::min(last, kLastMoment);
  entry.failure.reset();
  flight.authorization = entry.authorization;
}

/// What was there before serves while there is nothing newer.
void AccessTokens::State::use_stale(Entry& entry, Error failure, const std::string& why, Flight& flight) const {
  const Time now = settings.clock();
  const bool is_valid = entry.serves_before(entry.expires_at, now);
  base::log::warning("{}{}{}{}", failure.what(), why.empty() ? "" : ": ", why, is_valid ? "; the one before is used" : "");
  if (is_valid) {
    flight.authorization = entry.authorization;
  } else {
    entry.authorization.clear();
    flight.failure.emplace(failure);
  }
  entry.failure.emplace(std::move(failure));
  entry.failed_at = now;
}

AccessTokens::AccessTokens(sbi::Client& client, Settings settings) : state_(std::make_shared<State>(client, std::move(settings))) {}

AccessTokens::~AccessTokens() {
  for (State::Nrf& nrf : state_->nrfs) nrf.link.close();
}

asio::awaitable<std::string> AccessTokens::authorization(std::string target_nf_type, std::string scope) {
  return State::authorization(state_, Key(std::move(target_nf_type), std::move(scope)));
}

void AccessTokens::forget(const std::string& target_nf_type, const std::string& scope, std::string_view authorization) {
  const auto found = state_->entries.find(Key(target_nf_type, scope));
  if (found == state_->entries.end()) return;
  std::string& kept = found->second.authorization;
  if (authorization.empty() || kept == authorization) kept.clear();
}

}  // namespace core

#include "nf-ausf-ext/authenticate.hpp"

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/cipher.hpp"
#include "nf-ausf-ext/note_success.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;

constexpr const char* kAka = "5G_AKA";
constexpr const char* kEap = "EAP_AKA_PRIME";

constexpr const char* kNoContext = "there is no such authentication context, or it is of another method";

[[noreturn]] void fail_context() { throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", kNoContext); }

/// For an id that is another party's, or made up: no honest peer has one.
[[noreturn]] void refuse_foreign_context(const char* detail) {
  throw base::ConcealedRefusal(ErrorKind::not_found, "CONTEXT_NOT_FOUND", detail, "the context is none that was made here for this peer");
}

}  // namespace

AuthenticationContext Authenticate::make_context(const core::AuthenticationRequest& wanted, const Subscriber& subscriber, unsigned ind,
                                                 AuthenticationMethod method) const {
  const bool tells_servers = wanted.is_onboarding || parts_.config.tells_servers_always;
  return {subscriber.dimsi, subscriber.imsi,  wanted.serving_network_name, ind, wanted.subscriber.came_as_suci,
          tells_servers,    std::move(method), {}};
}

std::shared_ptr<const Subscriber> Authenticate::require_admitted(const core::AuthenticationRequest& wanted) {
  auto subscriber = parts_.subscribers.require(wanted.subscriber.imsi);
  parts_.config.require_admitted(wanted.serving_network_name);
  return subscriber;
}

Challenged Authenticate::begin_5g_aka(const core::AuthenticationRequest& wanted, const Subscriber& subscriber, unsigned ind,
                                      std::string context_id, aka::HomeEnvironmentVector vector) {
  Challenged challenged{std::move(context_id), core::Challenge{vector.rand, vector.autn, aka::derive_hres_star(vector.rand, vector.xres_star)}};
  AkaExpectation expectation{std::move(vector.xres_star), aka::derive_kseaf(vector.kausf, wanted.serving_network_name)};
  parts_.contexts.add(challenged.context_id, make_context(wanted, subscriber, ind, std::move(expectation)));
  return challenged;
}

std::optional<Challenged> Authenticate::challenge_at_once(const core::AuthenticationRequest& wanted, unsigned ind, const std::string& party) {
  if (wanted.resynchronization || parts_.config.method_of(wanted.subscriber.imsi) != Method::aka_5g) return std::nullopt;
  const auto subscriber = require_admitted(wanted);
  const ProvideVectors::Wanted vector_wanted{subscriber, ind, std::nullopt};
  auto vector = parts_.vectors.for_5g_aka_at_once(vector_wanted, wanted.serving_network_name);
  if (!vector) return std::nullopt;
  return begin_5g_aka(wanted, *subscriber, ind, parts_.ids.make(subscriber->imsi, wanted.serving_network_name, party), std::move(*vector));
}

boost::asio::awaitable<Challenged> Authenticate::challenge(core::AuthenticationRequest wanted, unsigned ind, std::string party) {
  const auto subscriber = require_admitted(wanted);
  const std::string network = wanted.serving_network_name;
  ProvideVectors::Wanted vector_wanted{subscriber, ind, wanted.resynchronization};
  Challenged challenged;
  challenged.context_id = parts_.ids.make(subscriber->imsi, network, party);
  if (parts_.config.method_of(subscriber->imsi) == Method::eap_aka_prime) {
    aka::TransformedVector vector = co_await parts_.vectors.for_eap_aka_prime(std::move(vector_wanted), network);
    aka::EapAkaPrimeServer::Options options;
    options.has_result_indications = parts_.config.has_result_indications;
    aka::EapAkaPrimeServer server(aka::key_identity(subscriber->imsi), network, std::move(vector), crypto::random_octets<1>()[0],
                                  std::move(options));
    challenged.challenge = server.request();
    parts_.contexts.add(challenged.context_id, make_context(wanted, *subscriber, ind, std::move(server)));
    co_return std::move(challenged);
  }
  aka::HomeEnvironmentVector vector = co_await parts_.vectors.for_5g_aka(std::move(vector_wanted), network);
  co_return begin_5g_aka(wanted, *subscriber, ind, std::move(challenged.context_id), std::move(vector));
}

Authenticated Authenticate::result_of(const AuthenticationContext& context, const aka::Kseaf& kseaf) const {
  Authenticated done{context.imsi, std::nullopt, aka::Kseaf(kseaf.reveal()), false, {}};
  if (context.tells_supi) done.supi = context.imsi;
  if (context.tells_servers) done.servers = parts_.config.provisioning_servers;
  return done;
}

boost::asio::awaitable<Authenticated> Authenticate::succeed(const AuthenticationContext& context, const aka::Kseaf& kseaf,
                                                            std::string auth_type) {
  const base::Time now = parts_.clock();
  Authenticated done = result_of(context, kseaf);
  TellUdm::Event event{context.imsi, std::move(auth_type), context.serving_network_name, now, true};
  parts_.snapshot.use();
  if (!is_attached(parts_.reader, context.dimsi, context.imsi)) {  // its first success: to be recorded before it is told
    done.is_first = co_await note_success(parts_.committer, context.dimsi, context.imsi, context.serving_network_name, now);
  }
  co_await parts_.tell_udm.authenticated(std::move(event));
  co_return std::move(done);
}

boost::asio::awaitable<void> Authenticate::note_failure(const AuthenticationContext& context, std::string auth_type, std::string why) {
  base::log::info("{}: {} failed: {}", context.dimsi.digits(), auth_type, why);
  TellUdm::Event event{context.imsi, std::move(auth_type), context.serving_network_name, parts_.clock(), false};
  co_await parts_.tell_udm.failed(std::move(event));
}

AuthenticationContext Authenticate::take(const std::string& context_id, const std::string& party) const {
  if (!parts_.ids.is_of(context_id, party)) refuse_foreign_context(kNoContext);
  return parts_.contexts.take(context_id);
}

boost::asio::awaitable<std::optional<Authenticated>> Authenticate::confirm(std::string context_id, std::string party,
                                                                           std::optional<aka::ResStar> res_star) {
  AuthenticationContext context = take(context_id, party);
  const auto* expected = std::get_if<AkaExpectation>(&context.method);
  if (expected == nullptr) {
    parts_.contexts.put_back(context_id, std::move(context));
    fail_context();
  }
  if (!res_star || !(*res_star == expected->xres_star)) {  // one answer a challenge: RES* is not to be guessed
    std::string auth_type = kAka;
    std::string why = res_star ? "RES* is wrong" : "the SEAF has no RES*";
    co_await note_failure(context, std::move(auth_type), std::move(why));
    co_return std::nullopt;
  }
  std::exception_ptr failure;
  std::optional<Authenticated> done;
  try {
    std::string auth_type = kAka;
    done = co_await succeed(context, expected->kseaf, std::move(auth_type));
  } catch (...) {
    failure = std::current_exception();
  }
  parts_.contexts.put_back_answered(context_id, std::move(context));
  if (failure) std::rethrow_exception(failure);
  co_return std::move(done);
}

std::optional<Authenticated> Authenticate::confirm_at_once(const std::string& context_id, const std::string& party,
                                                           const std::optional<aka::ResStar>& res_star) {
  if (parts_.tell_udm.is_wanted() || !res_star) return std::nullopt;
  AuthenticationContext context = take(context_id, party);
  const auto* expected = std::get_if<AkaExpectation>(&context.method);
  try {
    parts_.snapshot.use();
    if (expected == nullptr || !(*res_star == expected->xres_star) || !is_attached(parts_.reader, context.dimsi, context.imsi)) {
      parts_.contexts.put_back(context_id, std::move(context));
      return std::nullopt;
    }
  } catch (...) {  // of the database: the SEAF may ask again
    parts_.contexts.put_back(context_id, std::move(context));
    throw;
  }
  Authenticated done = result_of(context, expected->kseaf);
  parts_.contexts.put_back_answered(context_id, std::move(context));
  return done;
}

boost::asio::awaitable<EapAnswer> Authenticate::respond(std::string context_id, std::string party, base::Bytes packet) {
  AuthenticationContext context = take(context_id, party);
  if (const auto* answered = std::get_if<EapAnswered>(&context.method); answered != nullptr && answered->response == packet) {
    EapAnswer again = co_await succeed_with_eap(std::move(context_id), std::move(context));
    co_return std::move(again);
  }
  auto* server = std::get_if<aka::EapAkaPrimeServer>(&context.method);
  if (server == nullptr) {
    parts_.contexts.put_back(context_id, std::move(context));
    fail_context();
  }
  aka::EapOutcome outcome = server->on_response(packet);
  if (auto* ongoing = std::get_if<aka::EapOngoing>(&outcome)) {
    parts_.contexts.put_back(context_id, std::move(context));
    co_return EapAnswer{std::move(ongoing->packet), true, std::nullopt};
  }
  if (const auto* discarded = std::get_if<aka::EapDiscarded>(&outcome)) {
    const std::string why = discarded->why;
    parts_.contexts.put_back(context_id, std::move(context));
    throw Error(ErrorKind::bad_request, "MANDATORY_IE_INCORRECT", "eapPayload: " + why, {{"/eapPayload", why}});
  }
  if (auto* failed = std::get_if<aka::EapFailed>(&outcome)) {
    std::string auth_type = kEap;
    co_await note_failure(context, std::move(auth_type), std::move(failed->why));
    co_return EapAnswer{std::move(failed->packet), false, std::nullopt};
  }
  if (const auto* out_of_step = std::get_if<aka::EapResynchronise>(&outcome)) {
    core::Resynchronization resynchronization{out_of_step->rand, out_of_step->auts};
    EapAnswer answer = co_await resynchronise(std::move(context_id), std::move(context), std::move(resynchronization));
    co_return std::move(answer);
  }
  auto& succeeded = std::get<aka::EapSucceeded>(outcome);
  aka::Kseaf kseaf = aka::derive_kseaf(succeeded.kausf, context.serving_network_name);
  context.method = EapAnswered{std::move(packet), std::move(succeeded.packet), std::move(kseaf)};
  EapAnswer answer = co_await succeed_with_eap(std::move(context_id), std::move(context));
  co_return std::move(answer);
}

boost::asio::awaitable<EapAnswer> Authenticate::succeed_with_eap(std::string context_id, AuthenticationContext context) {
  const auto& answered = std::get<EapAnswered>(context.method);
  EapAnswer answer{answered.success, false, std::nullopt};
  std::exception_ptr failure;
  try {
    std::string auth_type = kEap;
    answer.authenticated = co_await succeed(context, answered.kseaf, std::move(auth_type));
  } catch (...) {
    failure = std::current_exception();
  }
  parts_.contexts.put_back_answered(context_id, std::move(context));
  if (failure) std::rethrow_exception(failure);
  co_return std::move(answer);
}

/// The USIM was out of step: another vector, of a sequence number that it takes, under the next identifier. A store that cannot write now is no failure of the device,
/// whose USIM would be barred for it: the SEAF asks again.
boost::asio::awaitable<EapAnswer> Authenticate::resynchronise(std::string context_id, AuthenticationContext context,
                                                              core::Resynchronization resynchronization) {
  auto& server = std::get<aka::EapAkaPrimeServer>(context.method);
  std::string why;
  std::optional<aka::TransformedVector> vector;
  std::exception_ptr fault;
  try {
    const auto subscriber = parts_.subscribers.require(context.imsi);
    ProvideVectors::Wanted wanted{subscriber, context.ind, resynchronization};
    vector = co_await parts_.vectors.for_eap_aka_prime(std::move(wanted), context.serving_network_name);
  } catch (const Error& error) {
    why = error.what();
    if (error.kind() != ErrorKind::forbidden && error.kind() != ErrorKind::not_found) fault = std::current_exception();
  } catch (...) {
    fault = std::current_exception();
  }
  if (fault) {
    server.wait_again();
    parts_.contexts.put_back(context_id, std::move(context));
    std::rethrow_exception(fault);
  }
  if (!vector) {
    base::Bytes packet = server.abandon(why).packet;
    std::string auth_type = kEap;
    co_await note_failure(context, std::move(auth_type), std::move(why));
    co_return EapAnswer{std::move(packet), false, std::nullopt};
  }
  base::Bytes packet = server.restart(std::move(*vector)).packet;
  parts_.contexts.put_back(context_id, std::move(context));
  co_return EapAnswer{std::move(packet), true, std::nullopt};
}

boost::asio::awaitable<void> Authenticate::end(std::string context_id, std::string party, std::string auth_type) {
  const auto named = parts_.ids.open(context_id, party);
  if (!named) refuse_foreign_context("there never was such an authentication context");
  parts_.contexts.remove(context_id);
  TellUdm::Event event{named->imsi, std::move(auth_type), named->serving_network_name, parts_.clock(), true};
  co_await parts_.tell_udm.removed(std::move(event));
}

void Authenticate::deregister(const profile::Imsi& imsi) const {
  if (parts_.subscribers.has(imsi)) return;
  throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
}

}  // namespace ausf_ext

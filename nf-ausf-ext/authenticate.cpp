#include "nf-ausf-ext/authenticate.hpp"

#include "lib/aka/authentication_vector.hpp"
#include "lib/base/error.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/profile/subscriber_keys.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;
using std::chrono::steady_clock;

constexpr unsigned kInd = 0;  ///< one requester: an index for each comes with the serving networks (TS 33.102, C.1.2)

constexpr std::size_t kSweepEvery = 256;

[[noreturn]] void fail_unknown() {
  throw Error(ErrorKind::not_found, "USER_NOT_FOUND", "this IMSI is not allocated to a device");
}
[[noreturn]] void fail_context() {
  throw Error(ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is no such authentication context, or it has expired");
}

aka::SequenceNumber verify_auts(const profile::SubscriberKeys& keys, const core::Resynchronization& resynchronization) {
  const auto sqn_ms = aka::open_auts(keys, resynchronization.rand, resynchronization.auts);
  if (!sqn_ms) throw Error(ErrorKind::forbidden, "AUTHENTICATION_REJECTED", "the AUTS is not the device's");
  return *sqn_ms;
}

}  // namespace

std::string AuthenticationContexts::add(AuthenticationContext context) {
  context.expires_at = steady_clock::now() + lifetime_;
  const std::string id = base::to_hex(crypto::random_octets<16>());
  const std::lock_guard lock(mutex_);
  if (contexts_.size() % kSweepEvery == 0 || contexts_.size() >= kMaxContexts) drop_expired();
  if (contexts_.size() >= kMaxContexts) {
    throw Error(ErrorKind::unavailable, "NF_CONGESTION", "too many authentications are under way");
  }
  contexts_.emplace(id, std::make_shared<const AuthenticationContext>(std::move(context)));
  return id;
}

std::shared_ptr<const AuthenticationContext> AuthenticationContexts::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) fail_context();
  if (found->second->expires_at < steady_clock::now()) {
    contexts_.erase(found);
    fail_context();
  }
  return found->second;
}

void AuthenticationContexts::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  contexts_.erase(id);
}

void AuthenticationContexts::drop_expired() {
  const auto now = steady_clock::now();
  std::erase_if(contexts_, [now](const auto& item) { return item.second->expires_at < now; });
}

boost::asio::awaitable<Challenged> Authenticate::challenge(core::AuthenticationRequest wanted) {
  const auto device = find_device_by_imsi(parts_.reader, wanted.subscriber.imsi);
  if (!device || device->sealed_key.empty() || device->state == State::failed) fail_unknown();
  const profile::EphemeralKey key = parts_.keys.open(device->sealed_key, device->dimsi);
  const profile::SubscriberKeys keys = profile::derive_subscriber_keys(key, device->dimsi, *device->imsi);
  std::optional<aka::SequenceNumber> sqn_ms;
  if (wanted.resynchronization) sqn_ms = verify_auts(keys, *wanted.resynchronization);

  const aka::SequenceNumber sqn = co_await use_sqn(device->dimsi, device->epoch, sqn_ms);
  const aka::Rand rand = crypto::random_octets<16>();
  aka::HomeEnvironmentVector vector =
      aka::make_5g_he_av(keys, rand, sqn, aka::kSeparatedAmf, wanted.serving_network_name);
  const core::Challenge challenge{vector.rand, vector.autn, aka::derive_hres_star(vector.rand, vector.xres_star)};
  aka::Kseaf kseaf = aka::derive_kseaf(vector.kausf, wanted.serving_network_name);
  AuthenticationContext context{device->dimsi,
                                *device->imsi,
                                wanted.serving_network_name,
                                wanted.subscriber.came_as_suci,
                                std::move(vector.xres_star),
                                std::move(kseaf),
                                steady_clock::time_point()};
  Challenged challenged{parts_.contexts.add(std::move(context)), challenge};
  co_return std::move(challenged);
}

boost::asio::awaitable<aka::SequenceNumber> Authenticate::use_sqn(profile::DiscoveryImsi dimsi, std::int64_t epoch,
                                                                  std::optional<aka::SequenceNumber> sqn_ms) {
  store::Committer::Work<aka::SequenceNumber> work = [=](store::Database& database) {
    const auto present = find_device(database, dimsi);
    if (!present || present->epoch != epoch) fail_unknown();  // retired meanwhile
    aka::SequenceNumber last = find_sqn(database, dimsi);
    if (sqn_ms) last = aka::resynchronised(last, *sqn_ms);
    const aka::SequenceNumber used = aka::next(last, kInd);
    put_sqn(database, dimsi, used);
    return used;
  };
  const aka::SequenceNumber sqn = co_await parts_.committer.write(std::move(work));
  co_return sqn;
}

boost::asio::awaitable<std::optional<Confirmed>> Authenticate::confirm(std::string context_id,
                                                                       std::optional<aka::ResStar> res_star, bool& is_first) {
  const auto context = parts_.contexts.find(context_id);
  if (!res_star || !(*res_star == context->xres_star)) {
    parts_.contexts.remove(context_id);  // one answer a challenge: RES* is not to be guessed
    co_return std::nullopt;
  }
  is_first = co_await mark_attached(context);
  std::optional<Confirmed> confirmed;
  confirmed.emplace(Confirmed{std::nullopt, aka::Kseaf(context->kseaf.reveal())});
  if (context->tells_supi) confirmed->supi = context->imsi;
  co_return std::move(confirmed);
}

/// The first success: ATTACHED, and the RSMF is to be told. True if it was the first.
boost::asio::awaitable<bool> Authenticate::mark_attached(std::shared_ptr<const AuthenticationContext> context) {
  store::Committer::Work<bool> work = [context, now = parts_.clock()](store::Database& database) {
    auto device = find_device(database, context->dimsi);
    const bool is_same = device && device->imsi == context->imsi && !device->sealed_key.empty();
    if (!is_same) fail_unknown();  // retired between challenge and answer
    if (device->state == State::attached) return false;
    device->state = State::attached;
    device->problem.reset();
    device->attempts = 0;
    device->notify_network = context->serving_network_name;
    device->attached_at = now;
    device->due_at = now;
    return update_device(database, *device, now);
  };
  const bool is_first = co_await parts_.committer.write(std::move(work));
  co_return is_first;
}

void Authenticate::end(const std::string& context_id) {
  (void)parts_.contexts.find(context_id);
  parts_.contexts.remove(context_id);
}

}  // namespace ausf_ext

#include "nf-ausf-ext/fetch_ephemeral_key.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/cms.hpp"
#include "nf-ausf-ext/api_peers.hpp"

namespace ausf_ext {
namespace {

/// The extended key usage of CERT.ARPF.ECDSA (PROTOCOL.md, section 3).
constexpr std::string_view kEndorsementUsage = "2.25.166299093133829758407982659247061036885";

[[noreturn]] void refuse(const std::string& uri, const std::string& why) {
  throw PeerRefused({403, "AUTHENTICATION_REJECTED", "the answer of the ARPF " + uri + " is not to be trusted: " + why});
}

/// There is no claim; or it is another operator's, and no key came to us from there: then none of ours was ever released.
bool has_none_of_ours(const Cleanup& cleanup, const Problem& fault) {
  const bool is_of_another = fault.status == 403 && fault.cause == "NOT_OWNER" && !cleanup.had_key;
  return says_it_is_gone(fault) || is_of_another;
}

}  // namespace

const TrustedArpf& FetchEphemeralKey::trusted(const std::string& uri) const {
  const auto found = std::find_if(config_.arpfs.begin(), config_.arpfs.end(), [&uri](const TrustedArpf& arpf) { return arpf.uri == uri; });
  if (found == config_.arpfs.end()) refuse(uri, "it is not in this function's configuration");
  return *found;
}

boost::asio::awaitable<sbi::Response> FetchEphemeralKey::post(std::string uri, std::string suffix, std::string body) {
  const sbi::Uri target = sbi::Uri::parse(trusted(uri).uri);
  const sbi::Request request = sbi::make_request("POST", target, suffix, std::move(body));
  SilentPeers::Call call(silent_, target.origin());
  sbi::Response response;
  std::string failure;
  try {
    response = co_await client_.send(target, request, config_.common.client_timeout);
    call.heard();
  } catch (const sbi::ClientError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw PeerUnavailable("ARPF " + failure);
  co_return std::move(response);
}

boost::asio::awaitable<profile::EphemeralKey> FetchEphemeralKey::operator()(profile::DiscoveryImsi dimsi, OfferedArpf offered) {
  const std::string suffix = "/narpf-keys/v1/devices/" + dimsi.digits() + "/retrieve-key";
  std::string body = write_key_request(offered, *config_.operator_certificate);
  const sbi::Response response = co_await post(offered.uri, suffix, std::move(body));
  require_success(response, "the ARPF " + offered.uri);
  profile::EphemeralKey key = open_answer(dimsi, offered, response.body);
  co_return std::move(key);
}

profile::EphemeralKey FetchEphemeralKey::open_answer(const profile::DiscoveryImsi& dimsi, const OfferedArpf& offered,
                                                     const std::string& body) {
  constexpr std::size_t kTbcdSize = std::tuple_size_v<profile::TbcdImsi>;
  try {
    const KeyAnswer answer = read_key_answer(body);
    verify_endorsement(trusted(offered.uri), answer.endorsement, base::concatenate(offered.token, answer.encrypted_key));
    const base::SecretBytes content =
        crypto::open_envelope(answer.encrypted_key, *config_.operator_certificate, *config_.operator_key);
    if (content.size() != kTbcdSize + profile::EphemeralKey::kSize) refuse(offered.uri, "the content has a wrong length");
    if (!std::ranges::equal(content.reveal().first(kTbcdSize), dimsi.tbcd())) refuse(offered.uri, "the key is of another dIMSI");
    return profile::EphemeralKey(content.reveal().subspan<kTbcdSize, profile::EphemeralKey::kSize>());
  } catch (const base::Error& error) {
    refuse(offered.uri, error.what());
  } catch (const crypto::CryptoError& error) {
    refuse(offered.uri, error.what());
  }
}

void FetchEphemeralKey::verify_endorsement(const TrustedArpf& arpf, base::BytesView endorsement, base::BytesView endorsed) {
  const crypto::Certificate signer = crypto::verify_detached(endorsement, endorsed, known_).signer;
  const base::Time now = clock_();
  auto fault = crypto::check_issued_by(signer, arpf.issuer, now, crypto::KeyUsage::digital_signature, {}, &known_);
  if (fault == crypto::ChainFault::none) fault = crypto::check_dates(arpf.issuer, now);
  if (fault != crypto::ChainFault::none) {
    refuse(arpf.uri, "the endorsement's certificate is not of the configured CI: " + std::string(crypto::describe(fault)));
  }
  if (!signer.has_extended_key_usage(kEndorsementUsage)) refuse(arpf.uri, "the endorsement's signer is no ARPF");
  const auto& uris = signer.uris();
  if (std::find(uris.begin(), uris.end(), arpf.uri) == uris.end()) refuse(arpf.uri, "another ARPF made the endorsement");
}

boost::asio::awaitable<std::optional<Problem>> FetchEphemeralKey::spend(profile::DiscoveryImsi dimsi, Cleanup cleanup) {
  const std::string suffix = "/narpf-keys/v1/claims/" + dimsi.digits() + "/retire";
  std::string empty;
  std::optional<Problem> fault;
  try {
    const sbi::Response response = co_await post(cleanup.uri, suffix, std::move(empty));
    require_no_content(response, "the ARPF " + cleanup.uri);
  } catch (const PeerUnavailable& error) {
    fault = error.problem();
  } catch (const PeerRefused& error) {
    fault = error.problem();
  }
  if (fault && has_none_of_ours(cleanup, *fault)) {
    base::log::info("{}: no token to spend: {}", dimsi.digits(), fault->detail);
    fault.reset();
  }
  if (fault) base::log::warning("{}: its token is not spent yet: {}", dimsi.digits(), fault->detail);
  co_return std::move(fault);
}

}  // namespace ausf_ext

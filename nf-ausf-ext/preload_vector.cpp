#include "nf-ausf-ext/preload_vector.hpp"

#include "lib/base/log.hpp"
#include "nf-ausf-ext/api_peers.hpp"
#include "nf-ausf-ext/api_receipts.hpp"

namespace ausf_ext {
namespace {

/// Where the D-AUSF is to tell of receipts; nothing if it is not configured.
std::optional<std::string> receipts_uri(const Config& config) {
  if (!config.notification_uri) return std::nullopt;
  return config.notification_uri->origin() + config.notification_uri->path + ReceiptApi::kPath;
}

/// Throws PeerRefused unless the answer is that of a D-AUSF which has the vector, PeerUnavailable as require_success() does.
void require_stored(const sbi::Response& response) {
  require_success(response, "the D-AUSF");
  const std::string fault = fault_of_vector_answer(response);
  if (fault.empty()) return;
  throw PeerRefused({502, "", "the D-AUSF answered " + std::to_string(response.status) + ", but not that it has the vector: " + fault +
                                  "; look what d_ausf: uri leads to"});
}

}  // namespace

boost::asio::awaitable<sbi::Response> PreloadVector::send(std::string method, profile::DiscoveryImsi dimsi, std::string body) {
  const std::string suffix = "/ndausf-vectors/v1/vectors/" + dimsi.digits();
  const sbi::Request request = sbi::make_request(std::move(method), config_.d_ausf, suffix, std::move(body));
  SilentPeers::Call call(silent_, config_.d_ausf.origin());
  sbi::Response response;
  std::string failure;
  try {
    response = co_await client_.send(config_.d_ausf, request, config_.common.client_timeout);
    call.heard();
  } catch (const sbi::ClientError& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw PeerUnavailable("D-AUSF " + failure);
  co_return std::move(response);
}

boost::asio::awaitable<void> PreloadVector::operator()(profile::DiscoveryImsi dimsi, profile::Imsi imsi, PreparedVector prepared) {
  std::string body = write_vector(prepared.vector, imsi, prepared.receipt_hash, receipts_uri(config_));
  std::string method = "PUT";
  const sbi::Response response = co_await send(std::move(method), dimsi, std::move(body));
  require_stored(response);
}

boost::asio::awaitable<std::optional<Problem>> PreloadVector::remove(profile::DiscoveryImsi dimsi) {
  std::string method = "DELETE";
  std::string empty;
  std::optional<Problem> fault;
  try {
    const sbi::Response response = co_await send(std::move(method), dimsi, std::move(empty));
    require_no_content(response, "the D-AUSF");
  } catch (const PeerUnavailable& error) {
    fault = error.problem();
  } catch (const PeerRefused& error) {
    fault = error.problem();
  }
  if (fault && says_it_is_gone(*fault)) {
    base::log::info("{}: no vector to delete: {}", dimsi.digits(), fault->detail);
    fault.reset();
  }
  if (fault) base::log::warning("{}: its vector is not deleted yet: {}", dimsi.digits(), fault->detail);
  co_return std::move(fault);
}

}  // namespace ausf_ext

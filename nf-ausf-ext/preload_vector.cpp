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

}  // namespace

boost::asio::awaitable<sbi::Response> PreloadVector::send(std::string method, profile::DiscoveryImsi dimsi, std::string body) {
  const std::string suffix = "/ndausf-vectors/v1/vectors/" + dimsi.digits();
  const sbi::Request request = sbi::make_request(std::move(method), config_.d_ausf, suffix, std::move(body));
  sbi::Response response;
  std::string failure;
  try {
    response = co_await client_.send(config_.d_ausf, request, config_.common.client_timeout);
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
  require_success(response, "the D-AUSF");
}

boost::asio::awaitable<bool> PreloadVector::remove(profile::DiscoveryImsi dimsi) {
  std::string method = "DELETE";
  std::string empty;
  bool is_done = false;
  try {
    const sbi::Response response = co_await send(std::move(method), dimsi, std::move(empty));
    require_success(response, "the D-AUSF");
    is_done = true;
  } catch (const PeerUnavailable& error) {
    base::log::warning("{}: its vector is not deleted yet: {}", dimsi.digits(), error.what());
  } catch (const PeerRefused& error) {  // there is none, or it is another's
    base::log::info("{}: no vector to delete: {}", dimsi.digits(), error.what());
    is_done = true;
  }
  co_return is_done;
}

}  // namespace ausf_ext

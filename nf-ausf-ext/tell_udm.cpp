#include "nf-ausf-ext/tell_udm.hpp"

#include "lib/aka/supi_or_suci.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "nf-ausf-ext/api_peers.hpp"

namespace ausf_ext {

boost::asio::awaitable<int> TellUdm::send(std::string method, Event event, bool is_removal) {
  const std::string suffix = "/nudm-ueau/v1/" + aka::to_supi(event.imsi) + "/auth-events";
  const std::string body = write_auth_event(settings_.nf_instance_id, event, is_removal);
  for (const sbi::Uri& udm : settings_.udms) {
    const sbi::Request request = sbi::make_request(method, udm, suffix, body);
    std::string failure;
    int status = 0;
    try {
      const sbi::Response response = co_await client_.send(udm, request, settings_.timeout);
      status = response.status;
    } catch (const sbi::ClientError& error) {
      failure = error.what();
    }
    if (failure.empty()) co_return status;
    base::log::warning("the UDM is not told of an authentication: {}", failure);
  }
  co_return 0;
}

boost::asio::awaitable<void> TellUdm::authenticated(Event event) {
  if (!is_wanted()) co_return;
  std::string method = "POST";
  const int status = co_await send(std::move(method), std::move(event), false);
  if (status >= 200 && status < 300) co_return;
  if (status != 0) base::log::warning("the UDM answered {} to an authentication's result", status);
  throw base::Error(base::ErrorKind::gateway_timeout, "TARGET_NF_NOT_REACHABLE", "the UDM does not take the authentication's result");
}

boost::asio::awaitable<void> TellUdm::failed(Event event) {
  if (!is_wanted()) co_return;
  event.is_success = false;
  std::string method = "POST";
  co_await send(std::move(method), std::move(event), false);
}

boost::asio::awaitable<void> TellUdm::removed(Event event) {
  if (!is_wanted()) co_return;
  std::string method = "PUT";
  const int status = co_await send(std::move(method), std::move(event), true);
  if (status < 200 || status > 299) base::log::info("the UDM answered {} to the removal of an authentication's result", status);
}

}  // namespace ausf_ext

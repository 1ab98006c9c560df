#include "lib/service/nrf_config.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "lib/core/nrf_instance_id.hpp"
#include "lib/service/config.hpp"
#include "lib/service/peer_uris.hpp"

namespace service {
namespace {

using std::chrono::milliseconds;

bool is_digits(const std::string& text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max && text.find_first_not_of("0123456789") == std::string::npos;
}

/// As 3GPP writes them: `AUSF`, `5G_EIR`, or one of the operator's own.
bool is_nf_type(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

bool is_wildcard(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_unspecified();
}

std::vector<std::string> read_nf_types(const Section& section, const std::string& key) {
  std::vector<std::string> out = section.texts(key);
  for (const auto& type : out) {
    if (!is_nf_type(type)) section.problem(key, type + " is no NF type (as AMF or AUSF)");
  }
  return out;
}

/// `nudm-sdm`, or `nudm-sdm/v2` for another version than the usual one.
core::NfService read_service(const Section& section, const std::string& text) {
  const std::size_t slash = text.find('/');
  core::NfService out{text.substr(0, slash)};
  if (out.name == "nudm-sdm") out.version = "v2";
  if (slash != std::string::npos) out.version = text.substr(slash + 1);
  const bool is_version = out.version.starts_with('v') && is_digits(out.version.substr(1), 1, 2);
  if (!core::is_host_name(out.name) || !is_version) {
    section.problem("services", text + " is no service (as nudm-sdm, or nudm-sdm/v2)");
    out.version = "v1";
  }
  return out;
}

std::vector<core::NfService> read_services(const Section& server, const std::string& nf_type) {
  auto out = core::services_of_nf_type(nf_type);
  for (const auto& text : server.texts("services")) {
    core::NfService service = read_service(server, text);
    const auto is_same = [&](const core::NfService& other) { return other.name == service.name; };
    if (std::none_of(out.begin(), out.end(), is_same)) out.push_back(std::move(service));
  }
  if (out.empty() && is_nf_type(nf_type)) server.problem("services", "is missing: an NF type of your own has no services by standard");
  return out;
}

std::vector<profile::Plmn> read_plmns(const Section& nrf) {
  std::vector<profile::Plmn> out;
  for (const Section& section : nrf.sections("plmn_list")) {
    const auto plmn = profile::Plmn::from(section.text("mcc"), section.text("mnc"));
    if (!plmn) section.problem("mcc", "mcc and mnc are not 3 and 2 or 3 digits (quote them: \"01\" is not 1)");
    if (plmn && std::find(out.begin(), out.end(), *plmn) != out.end()) section.problem("mcc", "this PLMN stands twice");
    if (plmn) out.push_back(*plmn);
  }
  return out;
}

std::vector<core::SupiRange> read_supi_ranges(const Section& nrf) {
  std::vector<core::SupiRange> out;
  for (const Section& section : nrf.sections("supi_ranges")) {
    core::SupiRange range{section.text("from"), section.text("to")};
    if (!is_digits(range.from, 5, 15)) section.problem("from", "is not 5 to 15 decimal digits");
    else if (!is_digits(range.to, 5, 15)) section.problem("to", "is not 5 to 15 decimal digits");
    else if (range.from.size() != range.to.size()) section.problem("to", "has another number of digits than from");
    else if (range.to < range.from) section.problem("to", "is before from");
    out.push_back(std::move(range));
  }
  return out;
}

std::vector<std::string> read_routing_indicators(const Section& nrf) {
  std::vector<std::string> out = nrf.texts("routing_indicators");
  for (const auto& indicator : out) {
    if (!is_digits(indicator, 1, 4)) nrf.problem("routing_indicators", indicator + " is not 1 to 4 decimal digits");
  }
  return out;
}

void read_uris(const Section& client, CommonConfig& config) {
  for (const Section& section : client.sections("nrf")) {
    sbi::Uri uri = read_peer_uri(section, "uri", config);
    if (!uri.host.empty()) config.nrf.uris.push_back(std::move(uri));
  }
}

void read_timers(const Section& nrf, core::NrfSettings& settings) {
  const auto duration = [&nrf](const char* key, std::int64_t min, milliseconds otherwise) {
    return milliseconds(nrf.integer(key, min, 600000, otherwise.count()));
  };
  settings.heartbeat_s = nrf.integer("heartbeat_s", core::kMinHeartbeatS, core::kMaxHeartbeatS, settings.heartbeat_s);
  settings.subscription_s = nrf.integer("subscription_s", 10, core::kMaxSubscriptionS, settings.subscription_s);
  settings.timeout = duration("timeout_ms", 10, settings.timeout);
  settings.first_pause = duration("first_pause_ms", 10, settings.first_pause);
  settings.longest_pause = duration("longest_pause_ms", 10, settings.longest_pause);
  if (settings.longest_pause < settings.first_pause) nrf.problem("longest_pause_ms", "is shorter than first_pause_ms");
}

/// Puts what is the same for all instances into each.
void complete(const Section& nrf, CommonConfig& config) {
  const auto supi_ranges = read_supi_ranges(nrf);
  const auto routing_indicators = read_routing_indicators(nrf);
  const auto allowed_nf_types = read_nf_types(nrf, "allowed_nf_types");
  const int priority = static_cast<int>(nrf.integer("priority", 0, 65535, 0));
  const int capacity = static_cast<int>(nrf.integer("capacity", 0, 65535, 100));
  const int load = static_cast<int>(nrf.integer("load", 0, 100, 0));
  for (Listener& listener : config.http2) {
    if (!listener.registration) continue;
    core::NfInstance& instance = listener.registration->instance;
    instance.plmns = config.nrf.plmns;
    instance.supi_ranges = supi_ranges;
    instance.routing_indicators = routing_indicators;
    if (instance.allowed_nf_types.empty()) instance.allowed_nf_types = allowed_nf_types;
    instance.priority = priority;
    instance.capacity = capacity;
    instance.load = load;
  }
}

std::string scheme_of(const Listener& listener) { return listener.tls ? "https" : "http"; }

}  // namespace

std::optional<Registration> read_registration(const Section& server, const Listener& listener) {
  const bool is_wanted = server.has("nf_type");
  const Section advertise = server.section("advertise");
  const std::string host = advertise.text("host", listener.address);
  const auto port = static_cast<std::uint16_t>(advertise.integer("port", 1, 65535, 0));
  const std::string id = server.text("instance_id", "");
  auto allowed_nf_types = read_nf_types(server, "allowed_nf_types");
  if (!is_wanted) {
    for (const char* key : {"advertise", "instance_id", "allowed_nf_types", "services"}) {
      if (server.has(key)) server.problem(key, "is for a listener with nf_type");
    }
    return std::nullopt;
  }
  Registration out;
  out.id = id;
  out.instance.nf_type = server.text("nf_type");
  if (!is_nf_type(out.instance.nf_type)) server.problem("nf_type", "is no NF type (AUSF, UDM, or one of your own in capitals)");
  if (!id.empty() && !core::is_uuid(id)) server.problem("instance_id", id + " is no UUID");
  boost::system::error_code error;
  (void)boost::asio::ip::make_address(host, error);
  if (error && !core::is_host_name(host)) advertise.problem("host", host + " is neither an address nor a name");
  if (is_wildcard(host)) server.problem("advertise", "needs a host that peers can reach: " + host + " is every address and none");
  out.instance.scheme = scheme_of(listener);
  out.instance.host = host;
  out.instance.port = port;
  out.instance.allowed_nf_types = std::move(allowed_nf_types);
  out.instance.services = read_services(server, out.instance.nf_type);
  return out;
}

void read_nrf(const Section& function, CommonConfig& config) {
  const Section client = function.section("client");
  read_uris(client, config);
  const Section nrf = function.section("nrf");
  config.nrf.plmns = read_plmns(nrf);
  read_timers(nrf, config.nrf);
  complete(nrf, config);
  const auto is_registered = [](const Listener& listener) { return listener.registration.has_value(); };
  if (!config.nrf.uris.empty()) return;
  if (function.has("nrf")) function.problem("nrf", "needs client: nrf, which says where the NRF is");
  if (std::any_of(config.http2.begin(), config.http2.end(), is_registered)) {
    function.section("sbi").problem("server", "has a listener with nf_type, which needs client: nrf");
  }
}

namespace {

/// Of the listener of that index.
std::string instance_id(const CommonConfig& config, std::size_t index) {
  const auto& registration = config.http2.at(index).registration;
  if (registration && !registration->id.empty()) return registration->id;
  return core::read_or_make_instance_id(config.database + ".nf-instance-id" + (index == 0 ? "" : "-" + std::to_string(index)));
}

}  // namespace

std::string nf_instance_id(const CommonConfig& config, const std::string& nf_type) {
  for (std::size_t i = 0; i < config.http2.size(); ++i) {
    const auto& registration = config.http2[i].registration;
    if (registration && registration->instance.nf_type == nf_type) return instance_id(config, i);
  }
  return instance_id(config, 0);
}

std::vector<core::NfInstance> nf_instances(const CommonConfig& config, const std::vector<std::uint16_t>& ports) {
  std::vector<core::NfInstance> out;
  for (std::size_t i = 0; i < config.http2.size(); ++i) {
    const auto& registration = config.http2[i].registration;
    if (!registration) continue;
    core::NfInstance instance = registration->instance;
    instance.id = instance_id(config, i);
    if (instance.port == 0) instance.port = ports.at(i);
    instance.demands_tokens = config.tokens && config.tokens->is_required;
    out.push_back(std::move(instance));
  }
  return out;
}

std::string notification_root(const CommonConfig& config, const std::vector<std::uint16_t>& ports) {
  for (std::size_t i = 0; i < config.http2.size(); ++i) {
    if (!config.http2[i].registration) continue;
    core::NfInstance instance = config.http2[i].registration->instance;
    if (instance.port == 0) instance.port = ports.at(i);
    return instance.api_root();
  }
  for (std::size_t i = 0; i < config.http2.size(); ++i) {
    const Listener& listener = config.http2[i];
    if (is_wildcard(listener.address)) continue;
    return sbi::Uri{scheme_of(listener), listener.address, std::to_string(ports.at(i)), ""}.origin();
  }
  return "";
}

}  // namespace service

#include "lib/core/nrf_messages.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cstdio>
#include <limits>

#include "lib/sbi/json.hpp"

namespace core {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;
using sbi::Uri;

constexpr int kLowestPriority = 65535;
constexpr std::size_t kMaxTextSize = 256;  ///< of an identity or a prefix in an NRF's answer
constexpr std::size_t kMaxUriSize = 2048;

ordered_json plmn_list(const std::vector<profile::Plmn>& plmns) {
  ordered_json out = ordered_json::array();
  for (const auto& plmn : plmns) out.push_back({{"mcc", plmn.mcc}, {"mnc", plmn.mnc}});
  return out;
}

/// Where an end point is: `ipv4Address`, `ipv6Address` or `fqdn` and the host, as the three are named in an IpEndPoint.
std::pair<const char*, std::string> address_of(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return {"fqdn", host};
  return {address.is_v4() ? "ipv4Address" : "ipv6Address", address.to_string()};
}

ordered_json write_service(const NfInstance& instance, const NfService& service, std::size_t number) {
  const auto [kind, host] = address_of(instance.host);
  const ordered_json version{{"apiVersionInUri", service.version}, {"apiFullVersion", service.version.substr(1) + ".0.0"}};
  ordered_json out{{"serviceInstanceId", service.name + "-" + std::to_string(number)},
                   {"serviceName", service.name},
                   {"versions", ordered_json::array({version})},
                   {"scheme", instance.scheme},
                   {"nfServiceStatus", "REGISTERED"}};
  ordered_json end_point{{"port", instance.port}};
  if (std::string_view(kind) == "fqdn") {
    out["fqdn"] = host;
  } else {
    end_point[kind] = host;
  }
  out["ipEndPoints"].push_back(std::move(end_point));
  if (instance.demands_tokens) out["oauth2Required"] = true;
  return out;
}

/// AusfInfo and UdmInfo have these two members alike.
ordered_json write_subscribers(const NfInstance& instance) {
  ordered_json out = ordered_json::object();
  for (const auto& [from, to] : instance.supi_ranges) out["supiRanges"].push_back({{"start", from}, {"end", to}});
  for (const auto& indicator : instance.routing_indicators) out["routingIndicators"].push_back(indicator);
  return out;
}

}  // namespace

std::string NfInstance::api_root() const { return Uri{scheme, host, std::to_string(port), ""}.origin(); }

std::vector<NfService> services_of_nf_type(std::string_view nf_type) {
  if (nf_type == "AUSF") return {{"nausf-auth", "v1"}};
  if (nf_type == "UDM") return {{"nudm-ueau", "v1"}};
  return {};
}

std::string write_nf_profile(const NfInstance& instance) {
  ordered_json out{{"nfInstanceId", instance.id},
                   {"nfType", instance.nf_type},
                   {"nfStatus", "REGISTERED"},
                   {"heartBeatTimer", instance.heartbeat_s}};
  if (!instance.plmns.empty()) out["plmnList"] = plmn_list(instance.plmns);
  const auto [kind, host] = address_of(instance.host);
  const std::string_view address_kind(kind);
  if (address_kind == "fqdn") out["fqdn"] = host;
  if (address_kind == "ipv4Address") out["ipv4Addresses"].push_back(host);
  if (address_kind == "ipv6Address") out["ipv6Addresses"].push_back(host);
  for (const auto& type : instance.allowed_nf_types) out["allowedNfTypes"].push_back(type);
  out["priority"] = instance.priority;
  out["capacity"] = instance.capacity;
  out["load"] = instance.load;
  ordered_json subscribers = write_subscribers(instance);
  if (!subscribers.empty() && instance.nf_type == "AUSF") out["ausfInfo"] = std::move(subscribers);
  else if (!subscribers.empty() && instance.nf_type == "UDM") out["udmInfo"] = std::move(subscribers);
  std::size_t number = 0;
  for (const auto& service : instance.services) out["nfServices"].push_back(write_service(instance, service, ++number));
  return out.dump();
}

std::string write_heartbeat(const NfInstance& instance) {
  const ordered_json status{{"op", "replace"}, {"path", "/nfStatus"}, {"value", "REGISTERED"}};
  const ordered_json load{{"op", "replace"}, {"path", "/load"}, {"value", instance.load}};
  return ordered_json::array({status, load}).dump();
}

std::string write_subscription(const StatusSubscription& subscription) {
  ordered_json out{{"nfStatusNotificationUri", subscription.notification_uri},
                   {"reqNfType", subscription.requester_type},
                   {"subscrCond", {{"nfType", subscription.target_type}}},
                   {"validityTime", base::to_rfc3339(subscription.valid_until)}};
  if (!subscription.requester_id.empty()) out["reqNfInstanceId"] = subscription.requester_id;
  return out.dump();
}

std::string write_validity(base::Time valid_until) {
  const ordered_json validity{{"op", "replace"}, {"path", "/validityTime"}, {"value", base::to_rfc3339(valid_until)}};
  return ordered_json::array({validity}).dump();
}

namespace {

/// The body, if it is a JSON object; else nothing.
std::optional<json> object_in(const std::string& body) {
  try {
    json document = sbi::parse_json(body, sbi::kMaxJsonValuesOfNrf);
    if (document.is_object()) return document;
  } catch (const Error&) {  // a short answer has no body; one that is garbage says as little
  }
  return std::nullopt;
}

std::optional<std::int64_t> integer_in(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_integer()) return std::nullopt;
  if (!member->is_number_unsigned()) return member->get<std::int64_t>();
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(member->get<std::uint64_t>(), kMax));
}

/// A text of 1 to `max_size` printable octets.
std::optional<std::string> text_in(const json& object, const char* name, std::size_t max_size = kMaxTextSize) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  const auto& text = member->get_ref<const std::string&>();
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7F; };
  if (text.empty() || text.size() > max_size || !std::all_of(text.begin(), text.end(), is_printable)) return std::nullopt;
  return text;
}

/// The items of an array, or the values of a map, that are objects.
std::vector<const json*> objects_in(const json& object, const char* name) {
  std::vector<const json*> out;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_structured()) return out;
  for (const json& item : *member) {
    if (item.is_object()) out.push_back(&item);
  }
  return out;
}

std::string last_segment(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

/// DateTime of TS 29.571: RFC 3339, fractions beyond milliseconds dropped.
std::optional<base::Time> read_date_time(const std::string& text) {
  using namespace std::chrono;
  int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d%n", &y, &mon, &d, &h, &min, &s, &used) != 6 || used != 19) {
    return std::nullopt;
  }
  const year_month_day date(year(y), month(static_cast<unsigned>(mon)), day(static_cast<unsigned>(d)));
  if (!date.ok() || h < 0 || h > 23 || min < 0 || min > 59 || s < 0 || s > 60) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(19);
  std::int64_t ms = 0;
  if (rest.starts_with('.')) {
    const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    if (end == 1) return std::nullopt;
    for (std::size_t i = 1; i <= 3; ++i) ms = ms * 10 + (i < end ? rest[i] - '0' : 0);
    rest.remove_prefix(end);
  }
  int offset_min = 0;
  if (rest != "Z" && rest != "z") {
    int hours = 0, minutes = 0;
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
    if (std::sscanf(std::string(rest.substr(1)).c_str(), "%2d:%2d", &hours, &minutes) != 2) return std::nullopt;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
    offset_min = (hours * 60 + minutes) * (rest[0] == '-' ? -1 : 1);
  }
  return base::Time(sys_days(date) + hours(h) + minutes(min - offset_min) + seconds(s) + milliseconds(ms));
}

}  // namespace

std::optional<std::int64_t> read_heartbeat_timer(const sbi::Response& answer) {
  const auto object = object_in(answer.body);
  return object ? integer_in(*object, "heartBeatTimer") : std::nullopt;
}

GrantedSubscription read_subscription(const sbi::Response& answer) {
  GrantedSubscription out;
  const auto object = object_in(answer.body);
  if (object) {
    out.id = text_in(*object, "subscriptionId").value_or("");
    const auto until = text_in(*object, "validityTime");
    if (until) out.valid_until = read_date_time(*until);
  }
  const auto location = answer.headers.find("location");
  if (out.id.empty() && location) out.id = last_segment(*location).substr(0, kMaxTextSize);
  return out;
}

StatusNotification read_notification(const sbi::Request& request) {
  const json body = sbi::parse_json(request.body);
  const sbi::JsonObject object(body);
  StatusNotification out{object.text("event"), last_segment(object.text("nfInstanceUri", kMaxUriSize))};
  if (out.instance_id.empty()) object.fail("nfInstanceUri", "does not end with an instance id");
  (void)object.optional_object("nfProfile");
  return out;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          std::string_view("-._~").find(c) != std::string_view::npos;
    if (is_plain) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    out += {'%', kDigits[octet >> 4U], kDigits[octet & 15U]};
  }
  return out;
}

std::string discovery_target(const DiscoveryQuery& query, const std::vector<profile::Plmn>& requester_plmns) {
  std::string out = "/nnrf-disc/v1/nf-instances?target-nf-type=" + percent_encoded(query.target_nf_type) +
                    "&requester-nf-type=" + percent_encoded(query.requester_nf_type);
  if (!query.service_name.empty()) out += "&service-names=" + percent_encoded(query.service_name);
  if (query.target_plmn) {
    out += "&target-plmn-list=" + percent_encoded(plmn_list({*query.target_plmn}).dump());
    if (!requester_plmns.empty()) out += "&requester-plmn-list=" + percent_encoded(plmn_list(requester_plmns).dump());
  }
  if (!query.supi.empty()) out += "&supi=" + percent_encoded(query.supi);
  if (!query.routing_indicator.empty()) out += "&routing-indicator=" + percent_encoded(query.routing_indicator);
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

bool is_host_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), allowed);
}

namespace {

/// How an instance, or one of its services, is reached.
struct Reach {
  std::string scheme = "http";
  std::string prefix;  ///< apiPrefix: empty, or begins with a slash

  [[nodiscard]] Uri at(std::string host, std::optional<std::int64_t> port) const {
    const std::string standard = scheme == "https" ? "443" : "80";
    return {scheme, std::move(host), port.value_or(0) == 0 ? standard : std::to_string(*port), prefix};
  }
};

std::optional<std::string> ipv4_of(const std::string& text) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address_v4(text, error);
  return error || address.is_unspecified() ? std::nullopt : std::optional(address.to_string());
}

std::optional<std::string> ipv6_of(const std::string& text) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address_v6(text, error);
  return error || address.is_unspecified() || address.scope_id() != 0 ? std::nullopt : std::optional(address.to_string());
}

std::optional<std::string> name_in(const json& object) {
  auto name = text_in(object, "fqdn", 253);
  return name && is_host_name(*name) ? name : std::nullopt;
}

/// Addresses of the whole instance: those of IP first, then its name.
std::vector<std::string> hosts_of_instance(const json& instance) {
  std::vector<std::string> out;
  const auto add_all = [&](const char* name, auto read) {
    const auto member = instance.find(name);
    if (member == instance.end() || !member->is_array()) return;
    for (const json& item : *member) {
      const auto host = item.is_string() ? read(item.get_ref<const std::string&>()) : std::nullopt;
      if (host && out.size() < kMaxEndPoints) out.push_back(*host);
    }
  };
  add_all("ipv4Addresses", ipv4_of);
  add_all("ipv6Addresses", ipv6_of);
  if (const auto name = name_in(instance); name && out.size() < kMaxEndPoints) out.push_back(*name);
  return out;
}

/// The apiPrefix with one slash before it and none behind; nothing if it could not stand in a path.
std::optional<std::string> prefix_of(const json& service) {
  const auto member = service.find("apiPrefix");
  if (member == service.end() || *member == "") return "";
  auto text = text_in(service, "apiPrefix");
  if (!text || text->find_first_of("?#\\\"<>") != std::string::npos) return std::nullopt;
  while (text->ends_with('/')) text->pop_back();
  if (!text->empty() && !text->starts_with('/')) text->insert(0, "/");
  return text;
}

bool is_registered(const json& object, const char* name) {
  const auto member = object.find(name);
  return member == object.end() || *member == "REGISTERED";
}

/// A host for an end point without an address of its own: over TLS the name, which the certificate bears.
std::vector<std::string> hosts_of_service(const json& instance, const json& service) {
  if (const auto name = name_in(service)) return {*name};
  return hosts_of_instance(instance);
}

/// An end point's port; nothing if there is none that could be used.
std::optional<std::int64_t> port_of(const json& end_point) {
  if (!end_point.contains("port")) return 0;
  const auto port = integer_in(end_point, "port");
  return port && *port >= 0 && *port <= 65535 ? port : std::nullopt;
}

/// 6.1.6.2.3: ipEndPoints, and where they name no address (or are absent) the name or the addresses of service and instance.
std::vector<Uri> api_roots_of(const json& instance, const json& service) {
  std::vector<Uri> out;
  Reach reach;
  if (service.contains("scheme")) reach.scheme = text_in(service, "scheme").value_or("");
  const auto prefix = prefix_of(service);
  if (!prefix || (reach.scheme != "http" && reach.scheme != "https")) return out;
  reach.prefix = *prefix;
  const auto name = name_in(service);
  const auto add = [&](std::string host, std::int64_t port) {
    if (out.size() < kMaxEndPoints) out.push_back(reach.at(std::move(host), port));
  };
  for (const json* end_point : objects_in(service, "ipEndPoints")) {
    const auto port = port_of(*end_point);
    if (!port) continue;
    const auto v4 = text_in(*end_point, "ipv4Address");
    const auto v6 = text_in(*end_point, "ipv6Address");
    const auto host = v4 ? ipv4_of(*v4) : v6 ? ipv6_of(*v6) : std::nullopt;
    const bool has_address = end_point->contains("ipv4Address") || end_point->contains("ipv6Address");
    if (name && reach.scheme == "https") {
      add(*name, *port);
    } else if (host) {
      add(*host, *port);
    } else if (!has_address) {
      for (const auto& other : hosts_of_service(instance, service)) add(other, *port);
    }
  }
  if (!service.contains("ipEndPoints")) {
    for (const auto& host : hosts_of_service(instance, service)) add(host, 0);
  }
  return out;
}

int clamped(std::optional<std::int64_t> value, int otherwise) {
  return value && *value >= 0 && *value <= 65535 ? static_cast<int>(*value) : otherwise;
}

/// Adds what one service of an instance offers; the service's own priority and capacity go before the instance's.
void add_service(DiscoveredInstance& out, const json& instance, const json& service) {
  for (auto& root : api_roots_of(instance, service)) {
    if (out.api_roots.size() < kMaxEndPoints) out.api_roots.push_back(std::move(root));
  }
  out.priority = clamped(integer_in(service, "priority"), out.priority);
  out.capacity = clamped(integer_in(service, "capacity"), out.capacity);
}

std::optional<DiscoveredInstance> read_instance(const json& instance, const DiscoveryQuery& query) {
  DiscoveredInstance out;
  const auto id = text_in(instance, "nfInstanceId");
  const auto type = text_in(instance, "nfType");
  if (!id || !type || *type != query.target_nf_type || !is_registered(instance, "nfStatus")) return std::nullopt;
  out.id = *id;
  out.priority = clamped(integer_in(instance, "priority"), kLowestPriority);
  out.capacity = clamped(integer_in(instance, "capacity"), 100);
  auto services = objects_in(instance, "nfServices");
  if (services.empty()) services = objects_in(instance, "nfServiceList");
  const bool tells_services = instance.contains("nfServices") || instance.contains("nfServiceList");
  if (query.service_name.empty() || !tells_services) {
    const Reach reach;
    for (auto& host : hosts_of_instance(instance)) out.api_roots.push_back(reach.at(std::move(host), 0));
  } else {
    for (const json* service : services) {
      const bool is_wanted = text_in(*service, "serviceName") == query.service_name && is_registered(*service, "nfServiceStatus");
      if (is_wanted) add_service(out, instance, *service);
    }
  }
  if (out.api_roots.empty()) return std::nullopt;
  return out;
}

}  // namespace

SearchResult read_search_result(const sbi::Response& answer, const DiscoveryQuery& query) {
  const json document = sbi::parse_json(answer.body, sbi::kMaxJsonValuesOfNrf);
  const auto list = document.find("nfInstances");
  if (list == document.end() || !list->is_array()) {
    throw Error(ErrorKind::bad_request, "MANDATORY_IE_INCORRECT", "nfInstances is no array", {{"/nfInstances", "is no array"}});
  }
  SearchResult out;
  out.validity_s = integer_in(document, "validityPeriod");
  for (const json& item : *list) {
    auto instance = item.is_object() ? read_instance(item, query) : std::nullopt;
    if (instance) {
      out.instances.push_back(std::move(*instance));
    } else {
      ++out.passed_over;
    }
  }
  std::stable_sort(out.instances.begin(), out.instances.end(),
                   [](const DiscoveredInstance& a, const DiscoveredInstance& b) { return a.priority < b.priority; });
  if (out.instances.size() > kMaxDiscoveredInstances) {
    out.passed_over += out.instances.size() - kMaxDiscoveredInstances;
    out.instances.resize(kMaxDiscoveredInstances);
  }
  return out;
}

}  // namespace core

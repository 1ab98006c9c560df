#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/message.hpp"

/// The messages of Nnrf_NFManagement and Nnrf_NFDiscovery (TS 29.510), written and read. What comes from an NRF is taken with
/// care: a member of the wrong type counts as absent, an entry that is of no use is passed over, and nothing throws but what is said.
namespace core {

/// A service of an instance (NFService, 6.1.6.2.3).
struct NfService {
  std::string name;            ///< `nausf-auth`
  std::string version = "v1";  ///< apiVersionInUri
};

/// Both ends included, digits only (SupiRange, 6.1.6.2.9).
struct SupiRange {
  std::string from;
  std::string to;
};

/// What an NRF is told of one of our listeners (NFProfile, 6.1.6.2.2). Empty lists are left out of the message.
struct NfInstance {
  std::string id;  ///< UUID, the same over restarts
  std::string nf_type;
  std::string scheme = "http";
  std::string host;  ///< where peers reach us: an IPv4 or IPv6 address, or a name
  std::uint16_t port = 0;
  std::vector<NfService> services;
  std::vector<profile::Plmn> plmns;
  std::vector<SupiRange> supi_ranges;            ///< of an AUSF or a UDM
  std::vector<std::string> routing_indicators;  ///< of an AUSF or a UDM
  std::vector<std::string> allowed_nf_types;
  int priority = 0;    ///< 0 to 65535, the lower the sooner
  int capacity = 100;  ///< 0 to 65535, relative to others of the same priority
  int load = 0;        ///< percent
  std::int64_t heartbeat_s = 10;
  bool demands_tokens = false;  ///< oauth2Required of its services

  /// `scheme://host:port`
  [[nodiscard]] std::string api_root() const;
};

/// The services that an NF type has by its standard; none for a type of the operator's own.
std::vector<NfService> services_of_nf_type(std::string_view nf_type);

/// Body of PUT nf-instances/{id}.
std::string write_nf_profile(const NfInstance& instance);
/// Body of the heartbeat: PATCH nf-instances/{id}, `application/json-patch+json`.
std::string write_heartbeat(const NfInstance& instance);

/// heartBeatTimer of the profile in an answer, whatever number it is; nothing if there is none, or no whole number.
std::optional<std::int64_t> read_heartbeat_timer(const sbi::Response& answer);

/// A subscription to the status changes of all instances of a type (SubscriptionData, 6.1.6.2.16).
struct StatusSubscription {
  std::string target_type;
  std::string requester_type;
  std::string requester_id;      ///< nfInstanceId; may be empty
  std::string notification_uri;  ///< absolute
  base::Time valid_until;
};
/// Body of POST subscriptions.
std::string write_subscription(const StatusSubscription& subscription);
/// Body of PATCH subscriptions/{id}, `application/json-patch+json`.
std::string write_validity(base::Time valid_until);

/// What an NRF says of a subscription.
struct GrantedSubscription {
  std::string id;  ///< empty if it says none that could stand in a path
  std::optional<base::Time> valid_until;
};
GrantedSubscription read_subscription(const sbi::Response& answer);

/// NotificationData (6.1.6.2.17), what we use of it.
struct StatusNotification {
  std::string event;  ///< `NF_REGISTERED`, `NF_DEREGISTERED`, `NF_PROFILE_CHANGED`, or one that we do not know
  std::string instance_id;
};
/// Throws Error{bad_request} with the member named.
StatusNotification read_notification(const sbi::Request& request);

/// What is looked for (6.2.3.2.3.1). Two queries that are equal share one answer.
struct DiscoveryQuery {
  std::string target_nf_type;                ///< `AUSF`
  std::string service_name;                  ///< `nausf-auth`; empty: any, and API roots of whole instances
  std::optional<profile::Plmn> target_plmn;  ///< the subscriber's home network
  std::string requester_nf_type;             ///< empty: our own
  std::string supi;                          ///< `imsi-...`; may be empty. Each makes an answer of its own: leave it out if you can
  std::string routing_indicator;             ///< may be empty
};

/// The request's target, percent-encoded. `requester_plmns` is told only together with a target PLMN.
std::string discovery_target(const DiscoveryQuery& query, const std::vector<profile::Plmn>& requester_plmns);

/// An instance that offers what was looked for.
struct DiscoveredInstance {
  std::string id;
  /// At least one: scheme, host, port, and apiPrefix as the path, which may be empty. `/nausf-auth/v1/...` is to be appended.
  std::vector<sbi::Uri> api_roots;
  int priority = 0;
  int capacity = 0;
};

/// The most instances of one answer that are kept: those of the best priority, then those that came first.
inline constexpr std::size_t kMaxDiscoveredInstances = 256;
/// The most end points of one instance.
inline constexpr std::size_t kMaxEndPoints = 8;

/// SearchResult (6.2.6.2.2).
struct SearchResult {
  std::vector<DiscoveredInstance> instances;  ///< by priority
  std::size_t passed_over = 0;                ///< entries that are suspended, malformed, or without an end point
  std::optional<std::int64_t> validity_s;     ///< whatever number it is
};
/// Throws Error{bad_request} for what is no SearchResult at all.
SearchResult read_search_result(const sbi::Response& answer, const DiscoveryQuery& query);

/// True for the form 8-4-4-4-12 of hex digits, either case.
bool is_uuid(std::string_view text);
/// True for a DNS name or a decimal IPv4 address by its characters.
bool is_host_name(std::string_view text);
/// RFC 3986: all but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace core

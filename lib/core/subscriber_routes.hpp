#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/aka/suci_concealment.hpp"
#include "lib/core/nrf.hpp"
#include "lib/core/plmn_routing.hpp"
#include "lib/core/relay.hpp"
#include "lib/sbi/router.hpp"

/// Routes that are served here for our own subscribers, and relayed for all others.
namespace core {

/// The API roots of a service (`nudm-ueau`) for subscribers of a PLMN, best first, as the NRF says (nothing: of any PLMN).
using DiscoverRoots =
    std::function<boost::asio::awaitable<std::vector<sbi::Uri>>(NfKind, std::string service, std::optional<profile::Plmn>)>;
/// By an NRF, which must outlive the function; empty without one.
DiscoverRoots discover_by(Nrf* nrf);

/// Puts the PLMN routing table in front of handlers. One a loop; outlives the router that it fills. If the table sends nobody elsewhere,
/// the handlers stand in the router as they are.
class SubscriberRoutes {
 public:
  struct Parts {
    sbi::Router& router;
    const PlmnRouting& routing;
    const aka::HomeNetworkKeys& keys;  ///< for SUCIs whose PLMN has ranges of IMSIs in the table
    Relay& relay;
    DiscoverRoots discover;       ///< may be empty if no target of the table is a discovery
    std::optional<sbi::Uri> scp;  ///< then it does the discovering (TS 29.500, 6.10.3: delegated)
  };
  using Local = std::variant<sbi::PlainHandler, sbi::WaitingHandler, sbi::RarelyWaitingHandler>;

  explicit SubscriberRoutes(Parts parts) : parts_(std::move(parts)) {}

  /// A route whose body names the subscriber at `/supiOrSuci` or `/supi`.
  void add_by_body(std::string method, std::string pattern, NfKind kind, Local local);
  /// A route with `{supiOrSuci}`, `{supi}` or `{ueId}` in its path.
  void add_by_path(std::string method, std::string pattern, sbi::BodyKind body, NfKind kind, Local local);
  /// A route of a resource that an answer of ours, or a relayed one, made: `parameter` names its id in the path.
  void add_resource(std::string method, std::string pattern, sbi::BodyKind body, std::string parameter, Local local);
  /// All else of a service (`/nudm-sdm`), of any method: for others' subscribers, and for ours what is not served here, which the default
  /// may have; 404 if it is us.
  void add_rest(const std::string& service, NfKind kind);
  /// The same for every service that an AUSF or a UDM has.
  void add_rests(NfKind kind);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  /// What decides where a request goes: a target of the table, or a resource at a peer.
  struct FollowUp {
    std::string segment;
    std::string uri;
  };
  using Way = std::variant<std::monostate, PlmnRouting::Match, FollowUp>;  ///< monostate: served here
  using FindWay = std::function<Way(const sbi::Request&)>;

  void add(std::string method, std::string pattern, sbi::BodyKind body, NfKind kind, Local local, FindWay find_way);
  boost::asio::awaitable<std::vector<sbi::Uri>> roots_of(const PlmnRouting::Match& match, NfKind kind, std::string service);
  Answer delegate(const sbi::Request& request, const PlmnRouting::Match& match, NfKind kind, std::string service,
                  std::shared_ptr<sbi::BodyReader> body);
  Answer take(const sbi::Request& request, NfKind kind, Way way, std::shared_ptr<sbi::BodyReader> body);
  Answer serve_rest(const sbi::Request& request, NfKind kind, std::shared_ptr<sbi::BodyReader> body);

  [[nodiscard]] Way way_of(const std::string& identity, const std::string& param) const;
  [[nodiscard]] Way way_of_body(const sbi::Request& request) const;
  [[nodiscard]] Way way_of_path(const sbi::Request& request) const;
  [[nodiscard]] Way way_of_resource(const sbi::Request& request, const std::string& id) const;
  [[nodiscard]] Way way_of_rest(const sbi::Request& request) const;
  [[nodiscard]] Way way_of_match(PlmnRouting::Match match) const;

  Parts parts_;
};

}  // namespace core

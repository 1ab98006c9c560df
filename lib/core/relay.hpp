#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/message.hpp"
#include "lib/sbi/router.hpp"

/// Passing a request on to the AUSF or UDM that serves its subscriber, so that neither side sees a difference.
namespace core {

/// The ids under which relayed resources go on: the absolute URI at the peer, authenticated, in one path segment. So nothing is
/// kept here, any instance that has the key can follow up, and nobody can make us call a URI of his own. An id is made for a holder, whom the tag
/// covers and the id does not show: to any other it is as one that was never made.
class RelayLinks {
 public:
  static constexpr std::size_t kKeyOctets = 16;
  static constexpr std::size_t kMaxUriSize = 800;  ///< of a resource; a longer one has an id that opens to nothing

  /// `key`: kKeyOctets, the same for every instance of the function. Throws std::invalid_argument for another length.
  explicit RelayLinks(base::SecretBytes key);

  /// Letters, digits, `-` and `_` only; begins with `r-`, as no id of our own does. `holder`: who it is made for. A URI with
  /// a zero octet, which none has, makes an id that opens to nothing.
  [[nodiscard]] std::string make(std::string_view uri, std::string_view holder) const;
  /// The URI; nothing unless make() made the id for this holder.
  [[nodiscard]] std::optional<std::string> open(std::string_view id, std::string_view holder) const;
  /// False for an id that opens to nobody, at a glance.
  [[nodiscard]] static bool may_be_link(std::string_view id) noexcept;

 private:
  [[nodiscard]] std::array<std::uint8_t, 16> mac_of(base::BytesView uri, std::string_view holder) const;

  base::SecretBytes key_;
};

/// For whom a peer asks (service::Access::party_of): the same text for those who may go on with what one of them began, and for nobody else.
/// Empty for peers that cannot be told apart.
using PartyOf = std::function<std::string(const sbi::Peer&)>;

/// Relays requests. One a loop; its answers may be read on that loop only.
class Relay {
 public:
  struct Settings {
    std::chrono::milliseconds timeout{10000};  ///< for an answer's head, and all of one with links; 3gpp-Sbi-Max-Rsp-Time shortens it
    std::string name;                          ///< in Via: what tells a loop; one token, of this instance alone
    std::size_t max_in_flight = 10000;         ///< requests whose answer has not come yet
    std::chrono::milliseconds rest{5000};      ///< how long a peer that could not be reached is tried last
  };

  /// Client and links must outlive the relay. `party_of`: may be empty, nobody is told apart then.
  Relay(sbi::Client& client, const RelayLinks& links, PartyOf party_of, Settings settings);

  /// Sends the request to the first of `roots` (API roots) that can be reached, and passes its answer back: status, header and body
  /// untouched, but Location and `_links` lead back here. `body`: of a request that is read as it comes, else null.
  /// Throws Error: 504 TARGET_NF_NOT_REACHABLE if there is no answer, 504 NETWORK_FAILURE if one breaks off or names a resource that
  /// cannot be followed up, 400 MSG_LOOP_DETECTED for a request that has come through here
  /// before (TS 29.500, 6.10.10), 503 NF_CONGESTION.
  boost::asio::awaitable<sbi::Response> forward(const sbi::Request& request, std::vector<sbi::Uri> roots, std::shared_ptr<sbi::BodyReader> body);

  /// The URI of a resource that a relayed answer made, whose id stands in the request's path; nothing for any other id. The contexts of
  /// authentications (nausf-auth), which lead to KSEAF, are there for the party that began them; all else for whoever may ask the
  /// same service.
  [[nodiscard]] std::optional<std::string> resource_of(const sbi::Request& request, std::string_view id) const;

  /// The same as forward() for a request whose path names a resource that a relayed answer made: `segment` is the id as it stands in
  /// the path, and `uri` what resource_of() says. The rest of the path and the query follow.
  boost::asio::awaitable<sbi::Response> follow_up(const sbi::Request& request, std::string segment, std::string uri,
                                                  std::shared_ptr<sbi::BodyReader> body);

 private:
  using Instant = std::chrono::steady_clock::time_point;

  boost::asio::awaitable<sbi::Response> send(const sbi::Request& request, sbi::Uri root, std::string target, std::shared_ptr<sbi::BodyReader> body,
                                             Instant until);
  /// `asked`: the absolute URI at the peer that the answer is of, without its query. `until`: the end of an answer that is read whole.
  boost::asio::awaitable<sbi::Response> lead_back(const sbi::Request& request, std::string asked, sbi::Response answer, Instant until);
  [[nodiscard]] sbi::Request onward(const sbi::Request& request, const sbi::Uri& root, std::string target) const;
  [[nodiscard]] std::string holder_of(const sbi::Request& request) const;
  [[nodiscard]] std::chrono::milliseconds deadline_of(const sbi::Request& request) const;
  void put_resting_last(std::vector<sbi::Uri>& roots) const;

  sbi::Client& client_;
  const RelayLinks& links_;
  PartyOf party_of_;
  Settings settings_;
  std::shared_ptr<std::size_t> in_flight_ = std::make_shared<std::size_t>(0);
  std::map<std::string, Instant> resting_;  ///< origins that could not be reached, until when
};

/// `reference` as a Location or a link has it, made absolute against the URI that was asked for (RFC 3986, 5.2, without dot segments).
std::string absolute_uri(const std::string& reference, const std::string& base);

/// The JSON text with each `href` of its `_links` replaced by what `replace` makes of it, and not an octet else; the text as it is
/// if it is no JSON object or has no `_links`.
std::string with_links(const std::string& json, const std::function<std::string(const std::string&)>& replace);

}  // namespace core

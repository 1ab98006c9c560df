#pragma once

#include <optional>
#include <string>

#include "lib/aka/auts.hpp"
#include "lib/aka/key_hierarchy.hpp"
#include "lib/profile/discovery_vector.hpp"
#include "ue-sim/network.hpp"

/// The access network's view: an AMF (with its SEAF) towards an AUSF, Nausf_UEAuthentication (TS 29.509).
namespace ue_sim {

/// UEAuthenticationCtx of 5G AKA.
struct Challenge {
  profile::Rand rand;
  profile::Autn autn;
  aka::HresStar hxres_star;
  sbi::Uri confirmation;  ///< where the confirmation goes
};

/// UEAuthenticationCtx of EAP-AKA': an EAP packet for the UE, which the access network does not look into.
struct EapChallenge {
  base::Bytes payload;
  sbi::Uri session;  ///< where the UE's answers go
};

/// A challenge of one kind or the other, or why there is none.
struct ChallengeResult {
  int status = 0;
  std::string cause;    ///< of a refusal
  std::string summary;  ///< status, cause and detail in words
  std::optional<Challenge> challenge;  ///< 5G AKA
  std::optional<EapChallenge> eap;     ///< EAP-AKA'
};

/// resynchronizationInfo (TS 29.509, 6.1.6.2.4): what a synchronisation failure carries home.
struct Resynchronisation {
  profile::Rand rand;
  aka::Auts auts;
};

/// POST ue-authentications: step (4) at the D-AUSF, step (9) at the target AUSF. `identity`: SUPI or SUCI.
boost::asio::awaitable<ChallengeResult> authenticate(Network& network, sbi::Uri ausf, std::string identity,
                                                     std::string serving_network_name,
                                                     std::optional<Resynchronisation> resynchronisation);

/// What the AUSF says of RES*.
struct Confirmation {
  int status = 0;
  std::string summary;
  std::string result;  ///< AUTHENTICATION_SUCCESS, AUTHENTICATION_FAILURE
  std::string supi;
  std::optional<aka::Kseaf> kseaf;
};

/// The SEAF's own check before it asks: HRES* of the UE's RES* is HXRES* (TS 33.501, 6.1.3.2.0, step 9).
bool matches(const Challenge& challenge, const aka::ResStar& res_star);

/// PUT 5g-aka-confirmation with RES*.
boost::asio::awaitable<Confirmation> confirm(Network& network, sbi::Uri confirmation, const aka::ResStar& res_star);

/// EapSession: what the AUSF says to an EAP packet of the UE's.
struct EapAnswer {
  int status = 0;
  std::string summary;
  base::Bytes payload;  ///< for the UE; empty if there is none
  std::string result;   ///< AUTHENTICATION_ONGOING, also where the AUSF leaves it out, or as in Confirmation
  std::string supi;
  std::optional<aka::Kseaf> kseaf;

  [[nodiscard]] bool is_ongoing() const noexcept { return result == "AUTHENTICATION_ONGOING"; }
};

/// POST eap-session with an EAP packet of the UE's.
boost::asio::awaitable<EapAnswer> send_eap(Network& network, sbi::Uri session, base::Bytes payload);

}  // namespace ue_sim

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/aka/authentication_vector.hpp"
#include "lib/core/ueau.hpp"
#include "lib/profile/identity.hpp"
#include "lib/sbi/message.hpp"

/// Authentication vectors for the access networks before 5G and for IMS, GBA and EAP: generate-av of Nudm_UEAuthentication
/// (TS 29.503), read and written. What nf-d-ausf (preloaded RAND and AUTN) and nf-ausf-ext (real keys) share.
namespace core {

/// HssAuthType (TS 29.503). TS 29.503 lists no value of the URI for UMTS_AKA; ours is `umts-aka`.
enum class HssAuthType { eps_aka, eap_aka, eap_aka_prime, ims_aka, gba_aka, umts_aka };

/// HssAuthenticationInfoRequest and the variables of its path.
struct HssAuthenticationRequest {
  profile::Imsi imsi;
  HssAuthType type;
  std::size_t vectors = 1;                             ///< wanted: 1 to 5
  std::optional<profile::Plmn> serving_network;        ///< always there for EPS AKA
  std::optional<std::string> access_network;           ///< anId, as `WLAN`: what CK' and IK' are bound to (TS 24.302)
  std::optional<Resynchronization> resynchronization;
};

inline constexpr std::size_t kMaxHssVectors = 5;

/// The body and path of POST {supi}/hss-security-information/{hssAuthType}/generate-av. Throws Error: 501 for a type of the URI that
/// nobody knows; 400, with the member named, for a {supi} that is none (a SUCI too), for a type in the body that is not that of
/// the URI, a number of vectors beyond 1 to 5, and EPS AKA without servingNetworkId.
HssAuthenticationRequest read_hss_authentication(const sbi::Request& request);

/// What the keys of the vectors are bound to, so whom they are good for: of EPS AKA the serving network's name, as 5G has it, of the PLMN that
/// KASME is for; of EAP-AKA' anId as it came, a serving network's name or `WLAN` and the like, which names no network (empty: there is none);
/// of all others, whose CK and IK are bound to nothing, the type, as `UMTS_AKA`. What `serving_networks` of a configuration may have.
std::string key_binding(const HssAuthenticationRequest& wanted);

/// True for what key_binding() may be: a serving network's name, an AccessNetworkId that TS 29.503 lists, or a type whose CK and IK leave bare.
bool is_key_binding(std::string_view text);

/// Throws Error{bad_request, MANDATORY_IE_MISSING} for EAP-AKA' without anId, to which nothing can be bound.
void require_key_binding(const HssAuthenticationRequest& wanted);

/// AvEpsAka.
struct EpsVector {
  aka::Rand rand;
  aka::Autn autn;
  aka::Res xres;
  aka::Kasme kasme;
};
/// AvImsGbaEapAka: the quintet as it is, of EAP_AKA, IMS_AKA, GBA_AKA and UMTS_AKA.
using UmtsVector = aka::AuthenticationVector;
/// AvEapAkaPrime.
struct EapAkaPrimeVector {
  aka::Rand rand;
  aka::Autn autn;
  aka::Res xres;
  aka::CkPrime ck;
  aka::IkPrime ik;
};
using HssVector = std::variant<EpsVector, UmtsVector, EapAkaPrimeVector>;

/// The vector of the wanted type from a quintet: KASME for the serving network (TS 33.401, A.2), CK' and IK' for the access network
/// (TS 33.402, A.2), else the quintet. Throws as require_key_binding().
HssVector make_hss_vector(const HssAuthenticationRequest& wanted, aka::AuthenticationVector quintet);

/// 200 HssAuthenticationInfoResult. All vectors are of the shape of `type`, 1 to kMaxHssVectors; else std::logic_error.
sbi::Response hss_authentication_info_result(HssAuthType type, const std::vector<HssVector>& vectors);

}  // namespace core

#include "lib/core/hss_ueau.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "lib/aka/serving_network_name.hpp"

namespace core {
namespace {

using base::Error;
using base::ErrorKind;
using nlohmann::ordered_json;
using sbi::JsonObject;
using sbi::Request;
using sbi::Response;

constexpr std::size_t kMaxAccessNetworkSize = 253;  ///< octets of an access network identity (TS 24.302)

/// A type as it stands in the URI, in a body, and in a vector's avType (HssAvType and AvType of TS 29.503).
struct TypeNames {
  HssAuthType type;
  std::string_view in_uri;
  std::string_view in_body;
};
constexpr std::array<TypeNames, 6> kTypes{{{HssAuthType::eps_aka, "eps-aka", "EPS_AKA"},
                                           {HssAuthType::eap_aka, "eap-aka", "EAP_AKA"},
                                           {HssAuthType::eap_aka_prime, "eap-aka-prime", "EAP_AKA_PRIME"},
                                           {HssAuthType::ims_aka, "ims-aka", "IMS_AKA"},
                                           {HssAuthType::gba_aka, "gba-aka", "GBA_AKA"},
                                           {HssAuthType::umts_aka, "umts-aka", "UMTS_AKA"}}};

const TypeNames& type_of_uri(const std::string& text) {
  for (const TypeNames& names : kTypes) {
    if (names.in_uri == text) return names;
  }
  throw Error(ErrorKind::not_implemented, "", "{hssAuthType} is none of eps-aka, eap-aka, eap-aka-prime, ims-aka, gba-aka, umts-aka",
              {{"{hssAuthType}", "is not known here"}});
}

std::string_view name_of(HssAuthType type) {
  for (const TypeNames& names : kTypes) {
    if (names.type == type) return names.in_body;
  }
  throw std::logic_error("an HSS authentication type without a name");
}

/// True for a type whose vectors have CK and IK as they are, bound to no network.
bool leaves_bare(HssAuthType type) { return type != HssAuthType::eps_aka && type != HssAuthType::eap_aka_prime; }

std::optional<profile::Plmn> read_serving_network(const JsonObject& object, HssAuthType type) {
  const bool is_needed = type == HssAuthType::eps_aka;
  const auto plmn = is_needed ? object.object("servingNetworkId") : object.optional_object("servingNetworkId");
  if (!plmn) return std::nullopt;
  const std::string mcc = plmn->text("mcc");
  const std::string mnc = plmn->text("mnc");
  auto network = profile::Plmn::from(mcc, mnc);
  if (!network) plmn->fail(profile::Plmn::from(mcc, "01") ? "mnc" : "mcc", "is not 3 (mcc), or 2 or 3 (mnc), decimal digits");
  return network;
}

ordered_json shape_of(const EpsVector& vector) {
  return {{"xres", base::to_hex(vector.xres.reveal())}, {"kasme", base::to_hex(vector.kasme.reveal())}};
}
ordered_json shape_of(const UmtsVector& vector) {
  return {{"xres", base::to_hex(vector.xres.reveal())},
          {"ck", base::to_hex(vector.ck.reveal())},
          {"ik", base::to_hex(vector.ik.reveal())}};
}
ordered_json shape_of(const EapAkaPrimeVector& vector) {
  return {{"xres", base::to_hex(vector.xres.reveal())},
          {"ckPrime", base::to_hex(vector.ck.reveal())},
          {"ikPrime", base::to_hex(vector.ik.reveal())}};
}

ordered_json write_vector(HssAuthType type, const HssVector& vector) {
  ordered_json out{{"avType", name_of(type)}};
  std::visit(
      [&out](const auto& one) {
        out["rand"] = base::to_hex(one.rand);
        out["autn"] = base::to_hex(one.autn);
        out.update(shape_of(one));
      },
      vector);
  return out;
}

bool has_shape_of(HssAuthType type, const HssVector& vector) {
  if (type == HssAuthType::eps_aka) return std::holds_alternative<EpsVector>(vector);
  if (type == HssAuthType::eap_aka_prime) return std::holds_alternative<EapAkaPrimeVector>(vector);
  return std::holds_alternative<UmtsVector>(vector);
}

}  // namespace

HssAuthenticationRequest read_hss_authentication(const Request& request) {
  const TypeNames& type = type_of_uri(request.path("hssAuthType"));
  const profile::Imsi imsi = read_supi(request);
  const nlohmann::json body = sbi::parse_json(request.body);
  const JsonObject object(body);
  if (object.text("hssAuthType") != type.in_body) object.fail("hssAuthType", "is not " + std::string(type.in_body) + ", as the URI has it");
  const auto vectors = static_cast<std::size_t>(object.integer("numOfRequestedVectors", 1, kMaxHssVectors));
  (void)object.optional_text("requestingNodeType");
  auto serving_network = read_serving_network(object, type.type);
  return {imsi, type.type, vectors, std::move(serving_network), object.optional_text("anId", kMaxAccessNetworkSize),
          read_resynchronization(object)};
}

std::string key_binding(const HssAuthenticationRequest& wanted) {
  if (wanted.type == HssAuthType::eps_aka) return aka::serving_network_name(wanted.serving_network.value());
  if (wanted.type == HssAuthType::eap_aka_prime) return wanted.access_network.value_or("");
  return std::string(name_of(wanted.type));
}

bool is_key_binding(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kAccessNetworks{"HRPD", "WIMAX", "WLAN", "ETHERNET"};  // AccessNetworkId of TS 29.503
  if (aka::is_serving_network_name(text) || std::ranges::find(kAccessNetworks, text) != kAccessNetworks.end()) return true;
  return std::ranges::any_of(kTypes, [text](const TypeNames& names) { return leaves_bare(names.type) && names.in_body == text; });
}

void require_key_binding(const HssAuthenticationRequest& wanted) {
  if (wanted.type != HssAuthType::eap_aka_prime || wanted.access_network) return;
  throw Error(ErrorKind::bad_request, "MANDATORY_IE_MISSING", "/anId is missing: the keys of EAP-AKA' are bound to it",
              {{"/anId", "is missing"}});
}

HssVector make_hss_vector(const HssAuthenticationRequest& wanted, aka::AuthenticationVector quintet) {
  if (wanted.type == HssAuthType::eps_aka) {
    const auto network = aka::plmn_octets(wanted.serving_network.value());
    aka::Kasme kasme = aka::derive_kasme(quintet.ck, quintet.ik, network, aka::sqn_xor_ak(quintet.autn));
    return EpsVector{quintet.rand, quintet.autn, std::move(quintet.xres), std::move(kasme)};
  }
  if (leaves_bare(wanted.type)) return quintet;
  require_key_binding(wanted);
  auto [ck, ik] = aka::derive_prime_keys(quintet.ck, quintet.ik, wanted.access_network.value(), aka::sqn_xor_ak(quintet.autn));
  return EapAkaPrimeVector{quintet.rand, quintet.autn, std::move(quintet.xres), std::move(ck), std::move(ik)};
}

Response hss_authentication_info_result(HssAuthType type, const std::vector<HssVector>& vectors) {
  if (vectors.empty() || vectors.size() > kMaxHssVectors) throw std::logic_error("generate-av answers 1 to 5 vectors");
  ordered_json list = ordered_json::array();
  for (const HssVector& vector : vectors) {
    if (!has_shape_of(type, vector)) throw std::logic_error("a vector is not of the type that was asked for");
    list.push_back(write_vector(type, vector));
  }
  return {200, sbi::kJson, ordered_json{{"hssAuthenticationVectors", list}}.dump()};
}

}  // namespace core

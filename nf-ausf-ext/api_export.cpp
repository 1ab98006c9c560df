#include "nf-ausf-ext/api_export.hpp"

#include <nlohmann/json.hpp>

namespace ausf_ext {
namespace {

using nlohmann::ordered_json;

/// Open5GS: 1 is disabled, 2 is enabled; 0 is what its SMF aborts on.
int pre_emption(bool is_enabled) { return is_enabled ? 2 : 1; }

ordered_json to_document(const BitRate& rate) { return ordered_json{{"value", rate.value}, {"unit", rate.unit}}; }
ordered_json to_document(const Ambr& ambr) {
  return ordered_json{{"downlink", to_document(ambr.downlink)}, {"uplink", to_document(ambr.uplink)}};
}

/// Open5GS has one PDU session type a DNN: IPv4v6 if both are allowed.
PduSessionType type_of(const DnnProfile& dnn) {
  for (const PduSessionType type : dnn.pdu_session_types) {
    if (type != dnn.pdu_session_types.front()) return PduSessionType::ipv4v6;
  }
  return dnn.pdu_session_types.front();
}

ordered_json to_document(const DnnProfile& dnn) {
  const ordered_json arp{{"priority_level", dnn.retention.level},
                         {"pre_emption_capability", pre_emption(dnn.retention.may_preempt)},
                         {"pre_emption_vulnerability", pre_emption(dnn.retention.is_preemptable)}};
  return ordered_json{{"name", dnn.name},
                      {"type", static_cast<int>(type_of(dnn))},
                      {"qos", {{"index", dnn.five_qi}, {"arp", arp}}},
                      {"ambr", to_document(dnn.session_ambr)},
                      {"pcc_rule", ordered_json::array()}};
}

ordered_json to_document(const SliceProfile& slice) {
  ordered_json out{{"sst", slice.snssai.sst}};
  if (slice.snssai.sd) out["sd"] = slice.snssai.sd_hex();
  out["default_indicator"] = slice.is_default;
  for (const DnnProfile& dnn : slice.dnns) out["session"].push_back(to_document(dnn));
  return out;
}

}  // namespace

std::string open5gs_profile(const BootstrapSubscription& subscription) {
  ordered_json out{{"schema_version", 1},
                   {"msisdn", ordered_json::array()},
                   {"imeisv", ordered_json::array()},
                   {"mme_host", ordered_json::array()},
                   {"mme_realm", ordered_json::array()},
                   {"purge_flag", ordered_json::array()},
                   {"access_restriction_data", 32},   // no handover to non-3GPP access
                   {"subscriber_status", 0},          // service granted
                   {"operator_determined_barring", 0},
                   {"network_access_mode", 0},
                   {"subscribed_rau_tau_timer", 12},  // minutes
                   {"ambr", to_document(subscription.ue_ambr)}};
  for (const SliceProfile& slice : subscription.slices) out["slice"].push_back(to_document(slice));
  const std::string text = out.dump();
  return text.substr(1, text.size() - 2);
}

}  // namespace ausf_ext

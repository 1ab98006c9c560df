#include "nf-ausf-ext/config_bootstrap.hpp"

#include <algorithm>

namespace ausf_ext {
namespace {

constexpr std::size_t kMaxDnnSize = 63;  ///< of the network identifier (TS 23.003, clause 9.1.1)

/// Standardised 5QIs of GBR flows (TS 23.501, table 5.7.4-1): a default QoS flow has none of them.
bool is_guaranteed(int five_qi) {
  return (five_qi >= 1 && five_qi <= 4) || (five_qi >= 65 && five_qi <= 67) || (five_qi >= 71 && five_qi <= 76) ||
         (five_qi >= 82 && five_qi <= 90);
}

BitRate read_rate(const service::Section& section, const std::string& key) {
  const std::string text = section.text(key);
  const auto rate = BitRate::from_text(text);
  if (!rate && !text.empty()) {
    section.problem(key, text + " is not a rate as 100 Mbps (a whole number; bps, Kbps, Mbps, Gbps or Tbps)");
  }
  return rate.value_or(BitRate());
}

Ambr read_ambr(const service::Section& section) { return {read_rate(section, "uplink"), read_rate(section, "downlink")}; }

bool is_dnn(const std::string& name) {
  const auto is_fine = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
  };
  return name.size() <= kMaxDnnSize && std::all_of(name.begin(), name.end(), is_fine) && !name.starts_with('.') &&
         !name.ends_with('.') && name.find("..") == std::string::npos;
}

std::vector<PduSessionType> read_types(const service::Section& section) {
  std::vector<PduSessionType> out;
  if (!section.has("pdu_session_types")) return {PduSessionType::ipv4};
  for (const std::string& text : section.texts("pdu_session_types")) {
    const auto type = pdu_session_type_from_name(text);
    if (!type) {
      section.problem("pdu_session_types", text + " is none of IPV4, IPV6, IPV4V6");
    } else if (std::find(out.begin(), out.end(), *type) == out.end()) {
      out.push_back(*type);
    }
  }
  if (out.empty()) section.problem("pdu_session_types", "names no type");
  return out;
}

DnnProfile read_dnn(const service::Section& section) {
  DnnProfile out;
  out.name = section.text("name");
  if (!out.name.empty() && !is_dnn(out.name)) {
    section.problem("name", "is not a DNN: labels of letters, digits and - with dots between, at most 63 characters");
  }
  out.pdu_session_types = read_types(section);
  out.ssc_mode = static_cast<int>(section.integer("ssc_mode", 1, 3, 1));
  out.five_qi = static_cast<int>(section.integer("5qi", 1, 254, 9));
  if (is_guaranteed(out.five_qi)) section.problem("5qi", "is one of a guaranteed bit rate; a default QoS flow has none");
  out.retention.level = static_cast<int>(section.integer("arp_priority", 1, 15, 8));
  out.retention.may_preempt = section.boolean("may_preempt", false);
  out.retention.is_preemptable = section.boolean("preemptable", true);
  out.session_ambr = read_ambr(section.section("session_ambr", true));
  return out;
}

Snssai read_snssai(const service::Section& section) {
  Snssai out;
  out.sst = static_cast<std::uint8_t>(section.integer("sst", 1, 255));
  if (!section.has("sd")) return out;
  const auto sd = Snssai::sd_from_hex(section.text("sd"));
  if (!sd) section.problem("sd", "is not 6 hex digits (quote them: \"000001\" is not 1)");
  if (sd && !*sd) section.problem("sd", "ffffff stands for no SD; leave the key out");
  if (sd) out.sd = *sd;
  return out;
}

SliceProfile read_slice(const service::Section& section) {
  SliceProfile out{read_snssai(section), section.boolean("default", false), {}};
  for (const service::Section& item : section.sections("dnns", true)) {
    DnnProfile dnn = read_dnn(item);
    for (const DnnProfile& other : out.dnns) {
      if (is_same_dnn(other.name, dnn.name)) item.problem("name", "stands twice in this slice");
    }
    out.dnns.push_back(std::move(dnn));
  }
  if (out.dnns.size() > BootstrapSubscription::kMaxDnns) {
    section.problem("dnns", "are more than " + std::to_string(BootstrapSubscription::kMaxDnns));
  }
  return out;
}

}  // namespace

std::optional<BootstrapSubscription> read_bootstrap_subscription(const service::Section& function) {
  if (!function.has("bootstrap_subscription")) return std::nullopt;
  const service::Section section = function.section("bootstrap_subscription");
  BootstrapSubscription out;
  out.ue_ambr = read_ambr(section.section("ue_ambr", true));
  if (section.has("rfsp_index")) out.rfsp_index = static_cast<int>(section.integer("rfsp_index", 1, 256));
  for (const service::Section& item : section.sections("slices", true)) {
    SliceProfile slice = read_slice(item);
    for (const SliceProfile& other : out.slices) {
      if (other.snssai == slice.snssai) item.problem("sst", "this S-NSSAI stands twice");
    }
    out.slices.push_back(std::move(slice));
  }
  if (out.slices.size() > BootstrapSubscription::kMaxSlices) {
    section.problem("slices", "are more than " + std::to_string(BootstrapSubscription::kMaxSlices));
  }
  const auto is_default = [](const SliceProfile& slice) { return slice.is_default; };
  if (!out.slices.empty() && std::none_of(out.slices.begin(), out.slices.end(), is_default)) {
    section.problem("slices", "none of them is the default one: say `default: true` in one");
  }
  return out;
}

}  // namespace ausf_ext

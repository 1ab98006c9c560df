#include "ue-sim/device_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "lib/base/error.hpp"
#include "lib/sbi/json.hpp"

namespace ue_sim {
namespace {

constexpr std::size_t kMaxCertificateOctets = 8192;
constexpr std::size_t kMaxTokenOctets = 1024;

/// eK, whose hex stands nowhere when it returns but in the document, which is wiped as well.
profile::EphemeralKey take_key(nlohmann::json& document) {
  auto& hex = document.at("eK").get_ref<std::string&>();
  auto octets = base::from_hex_exactly<16>(hex);
  base::wipe(hex);
  if (!octets) throw std::runtime_error("eK: is not 32 hex digits");
  profile::EphemeralKey key(*octets);
  base::wipe(*octets);
  return key;
}

Subscription read_subscription(const nlohmann::json& document) {
  const auto imsi = profile::Imsi::from_digits(document.at("imsi").get<std::string>());
  if (!imsi) throw std::runtime_error("imsi: is not 6 to 15 digits");
  const auto entries = document.at("usimSequence").get<aka::UsimSequence::Entries>();
  Subscription out{*imsi, document.at("mncLength").get<std::uint8_t>(), aka::UsimSequence(entries)};
  out.has_authenticated = document.value("hasAuthenticated", false);
  out.failed_attaches = std::min(document.value("failedAttaches", 0U), kMaxFailedAttaches);
  return out;
}

Device read_device(nlohmann::json& document) {
  const sbi::JsonObject object(document);
  const auto dimsi = profile::DiscoveryImsi::from_digits(object.text("dimsi"));
  if (!dimsi) throw std::runtime_error("dimsi: is not 6 to 15 digits");
  base::Bytes certificate = object.base64("seCertificate", kMaxCertificateOctets);
  base::Bytes token = object.base64("token", kMaxTokenOctets);
  Device device{*dimsi, std::move(certificate), std::move(token), take_key(document), std::nullopt};
  if (document.contains("imsi")) device.subscription = read_subscription(document);
  return device;
}

}  // namespace

std::string to_line(const Device& device) {
  nlohmann::ordered_json document{{"dimsi", device.dimsi.digits()},
                                  {"seCertificate", base::to_base64(device.se_certificate)},
                                  {"token", base::to_base64(device.token)},
                                  {"eK", base::to_hex(device.ephemeral_key.reveal())}};
  if (device.subscription) {
    document["imsi"] = device.subscription->imsi.digits();
    document["mncLength"] = device.subscription->mnc_length;
    document["usimSequence"] = device.subscription->sequence.entries();
    document["hasAuthenticated"] = device.subscription->has_authenticated;
    document["failedAttaches"] = device.subscription->failed_attaches;
  }
  std::string line = document.dump() + "\n";
  base::wipe(document["eK"].get_ref<std::string&>());
  return line;
}

Device device_from_line(std::string_view line) {
  try {
    nlohmann::json document = sbi::parse_json(line);
    return read_device(document);
  } catch (const base::Error& error) {
    throw std::runtime_error(error.what());
  } catch (const nlohmann::json::exception&) {  // its text could quote a value
    throw std::runtime_error("a member is missing or of the wrong type");
  }
}

std::string dimsi_of_line(std::string_view line) {
  const auto document = nlohmann::json::parse(line, nullptr, false);
  if (!document.is_object() || !document.contains("dimsi") || !document["dimsi"].is_string()) return {};
  return document["dimsi"].get<std::string>();
}

}  // namespace ue_sim

#include "nf-d-ausf/api_read_vector.hpp"

#include <utility>

namespace d_ausf {
namespace {

constexpr std::size_t kMaxUriOctets = 1024;

bool is_http(std::string_view uri) { return uri.starts_with("http://") || uri.starts_with("https://"); }

}  // namespace

Vector read_vector(const sbi::JsonObject& object) {
  const profile::DiscoveryVector challenge{object.hex<16>("rand"), object.hex<16>("autn")};
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!imsi) object.fail("imsi", "is not 6 to 15 decimal digits");
  Vector vector{challenge, *imsi, object.optional_hex<32>("receiptHash"), object.optional_text("notificationUri", kMaxUriOctets)};
  if (vector.notification_uri && !is_http(*vector.notification_uri)) {
    object.fail_optional("notificationUri", "is not an absolute http or https URI");
  }
  return vector;
}

std::optional<Vector> read_usual_vector(const sbi::FlatObject& object) {
  const auto rand = base::from_hex_exactly<16>(object.text("rand"));
  const auto autn = base::from_hex_exactly<16>(object.text("autn"));
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!rand || !autn || !imsi) return std::nullopt;
  Vector vector{{*rand, *autn}, *imsi, std::nullopt, std::nullopt};
  if (const std::string_view hash = object.text("receiptHash"); !hash.empty()) {
    vector.receipt_hash = base::from_hex_exactly<32>(hash);
    if (!vector.receipt_hash) return std::nullopt;
  }
  if (const std::string_view uri = object.text("notificationUri"); !uri.empty()) {
    if (uri.size() > kMaxUriOctets || !is_http(uri)) return std::nullopt;
    vector.notification_uri = uri;
  }
  return vector;
}

Vector read_vector(std::string_view body) {
  if (const auto flat = sbi::FlatObject::read(body)) {
    if (auto usual = read_usual_vector(*flat)) return std::move(*usual);
  }
  const nlohmann::json document = sbi::parse_json(body);
  return read_vector(sbi::JsonObject(document));
}

VectorLine read_any_line(std::size_t number, std::string_view line, std::string& dimsi) {
  const nlohmann::json document = sbi::parse_json(line);
  const sbi::JsonObject object(document);
  const auto of_line = profile::DiscoveryImsi::from_digits(object.text("dimsi"));
  if (!of_line) object.fail("dimsi", "is not 6 to 15 decimal digits");
  dimsi = of_line->digits();
  return {number, *of_line, read_vector(object)};
}

std::optional<VectorLine> read_usual_line(std::size_t number, std::string_view line) {
  const auto flat = sbi::FlatObject::read(line);
  if (!flat) return std::nullopt;
  const auto dimsi = profile::DiscoveryImsi::from_digits(flat->text("dimsi"));
  auto vector = read_usual_vector(*flat);
  if (!dimsi || !vector) return std::nullopt;
  return VectorLine{number, *dimsi, std::move(*vector)};
}

}  // namespace d_ausf

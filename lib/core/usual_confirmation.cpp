#include "lib/core/usual_confirmation.hpp"

#include "lib/base/bytes.hpp"
#include "lib/sbi/flat_json.hpp"

namespace core {

std::optional<aka::ResStar> read_usual_confirmation(std::string_view body) {
  const auto object = sbi::FlatObject::read(body);
  if (!object) return std::nullopt;
  const auto octets = base::from_hex_exactly<16>(object->text("resStar"));
  if (!octets) return std::nullopt;
  return aka::ResStar(*octets);
}

}  // namespace core

#include "lib/core/usual_authentication_info.hpp"

#include "lib/aka/serving_network_name.hpp"
#include "lib/aka/supi_or_suci.hpp"
#include "lib/sbi/flat_json.hpp"

namespace core {

std::optional<UsualAuthenticationInfo> read_usual_authentication_info(std::string_view body) {
  const auto object = sbi::FlatObject::read(body);
  if (!object || object->size() != 2) return std::nullopt;
  const UsualAuthenticationInfo info{object->text("supiOrSuci"), object->text("servingNetworkName")};
  if (info.supi_or_suci.empty() || info.supi_or_suci.size() > aka::kMaxIdentitySize) return std::nullopt;
  if (!aka::is_serving_network_name(info.serving_network_name)) return std::nullopt;
  return info;
}

}  // namespace core

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/core/nrf_messages.hpp"
#include "lib/core/nrf_settings.hpp"
#include "lib/service/yaml.hpp"

namespace service {

/// What the NRF is told of one listener; none without `nf_type`.
struct Registration {
  core::NfInstance instance;  ///< without id; host and port are those that are advertised, port 0: the listener's
  std::string id;             ///< empty: from a file beside the database
};

struct CommonConfig;
struct Listener;

/// `nf_type` and what goes with it, of one entry of `sbi: server:`.
std::optional<Registration> read_registration(const Section& server, const Listener& listener);

/// `client: nrf:` and `nrf:` of a function, and what the latter says of every instance. Call it when the listeners are read,
/// and `client: tls:`.
void read_nrf(const Section& function, CommonConfig& config);

/// The instances of a configuration; `ports` are those that the listeners have taken, in their order.
/// Throws std::runtime_error if an instance id can be neither read nor made.
std::vector<core::NfInstance> nf_instances(const CommonConfig& config, const std::vector<std::uint16_t>& ports);

/// The NF instance id under which we are registered as that type; without such a listener, one of our own from the file beside the
/// database. Throws std::runtime_error if it can be neither read nor made.
std::string nf_instance_id(const CommonConfig& config, const std::string& nf_type);

/// `scheme://host:port` at which the NRF can notify us: of the first listener that is registered, else of the first that
/// has an address of its own; empty if there is none.
std::string notification_root(const CommonConfig& config, const std::vector<std::uint16_t>& ports);

}  // namespace service

#include "nf-ausf-ext/note_success.hpp"

#include "lib/base/error.hpp"

namespace ausf_ext {

bool is_attached(store::Database& reader, const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi) {
  return has_state(reader, dimsi, imsi, State::attached);
}

boost::asio::awaitable<bool> note_success(store::Committer& committer, profile::DiscoveryImsi dimsi, profile::Imsi imsi,
                                          std::string serving_network_name, base::Time now) {
  store::Committer::Work<bool> work = [=](store::Database& database) {
    auto device = find_device(database, dimsi);
    const bool is_same = device && device->imsi == imsi && !device->sealed_key.empty();
    if (!is_same) {
      throw base::Error(base::ErrorKind::not_found, "USER_NOT_FOUND", "the device was retired between challenge and answer");
    }
    if (device->state == State::attached) return false;
    device->state = State::attached;
    device->problem.reset();
    device->attempts = 0;
    device->notify_network = serving_network_name;
    device->attached_at = now;
    device->due_at = now;
    return update_device(database, *device, now);
  };
  const bool is_first = co_await committer.write(std::move(work));
  co_return is_first;
}

}  // namespace ausf_ext

#include "nf-arpf/revocation_lists.hpp"

#include <utility>

#include "lib/base/clock.hpp"
#include "lib/base/log.hpp"

namespace arpf {

std::shared_ptr<const RevocationLists::Lists> RevocationLists::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::size_t RevocationLists::reload() {
  Lists lists;
  for (const std::string& path : paths_) {
    for (crypto::RevocationList& list : crypto::RevocationList::load_all(path)) {
      const auto fault = crypto::check_dates(list, base::system_now());
      if (fault != crypto::ChainFault::none) base::log::warning("{}: {}", path, crypto::describe(fault));
      lists.push_back(std::move(list));
    }
  }
  const std::size_t count = lists.size();
  auto fresh = std::make_shared<const Lists>(std::move(lists));
  const std::lock_guard lock(mutex_);
  current_.swap(fresh);
  return count;
}

}  // namespace arpf

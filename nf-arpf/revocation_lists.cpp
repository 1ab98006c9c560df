#include "nf-arpf/revocation_lists.hpp"

namespace arpf {

std::shared_ptr<const RevocationLists::Lists> RevocationLists::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::size_t RevocationLists::reload() {
  Lists lists;
  for (const std::string& path : paths_) lists.push_back(crypto::RevocationList::load(path));
  const std::size_t count = lists.size();
  auto fresh = std::make_shared<const Lists>(std::move(lists));
  const std::lock_guard lock(mutex_);
  current_.swap(fresh);
  return count;
}

}  // namespace arpf

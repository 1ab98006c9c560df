#include "nf-d-ausf/owners.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/sbi/message.hpp"
#include "lib/sbi/uri.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;

[[noreturn]] void fail_destination(const std::string& reason) {
  throw Error(ErrorKind::bad_request, "OPTIONAL_IE_INCORRECT", "/notificationUri " + reason, {{"/notificationUri", reason}});
}

sbi::Uri read_destination(const std::string& text) {
  try {
    return sbi::Uri::parse(text);
  } catch (const std::invalid_argument& error) {
    fail_destination(error.what());
  }
}

}  // namespace

const OwnerRights* Owners::find(const Owner& owner) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&owner](const OwnerRights& rights) { return rights.peer == owner.value_or(sbi::kAnonymous); });
  return found == entries_.end() ? nullptr : &*found;
}

void Owners::require_right(const Owner& owner, const profile::DiscoveryImsi& dimsi) const {
  base::require(owner != sbi::kAnonymous, "NOT_OWNER", "a certificate for the name anonymous owns nothing here");
  if (entries_.empty() && !owner) return;
  const OwnerRights* const rights = find(owner);
  base::require(rights != nullptr, "NOT_OWNER", "this peer may preload nothing here: it has no entry in d_ausf.owners");
  const bool is_in_range =
      rights->ranges.empty() || std::any_of(rights->ranges.begin(), rights->ranges.end(),
                                            [&dimsi](const DimsiRange& range) { return range.contains(dimsi); });
  base::require(is_in_range, "NOT_OWNER", "this dIMSI is in no range of this peer");
}

void Owners::require_destination(const Owner& owner, const std::string& notification_uri) const {
  const sbi::Uri uri = read_destination(notification_uri);
  const OwnerRights* const rights = find(owner);
  if (rights == nullptr && !owner) {
    if (!sbi::is_loopback_address(uri.host)) {
      fail_destination("is not at a loopback address, and this peer is anonymous and has no notification_origin here");
    }
    return;
  }
  if (rights == nullptr || !rights->notification_origin) fail_destination("is given by a peer that has no notification_origin here");
  if (uri.origin() != rights->notification_origin->origin()) {
    fail_destination("is not within the notification_origin of this peer, " + rights->notification_origin->origin());
  }
}

std::vector<std::string> Owners::peers() const {
  std::vector<std::string> out;
  for (const OwnerRights& entry : entries_) {
    if (entry.peer != sbi::kAnonymous) out.push_back(entry.peer);
  }
  return out;
}

std::vector<sbi::Uri> Owners::origins() const {
  std::vector<sbi::Uri> out;
  for (const OwnerRights& entry : entries_) {
    if (entry.notification_origin) out.push_back(*entry.notification_origin);
  }
  return out;
}

}  // namespace d_ausf

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/identity.hpp"
#include "lib/store/database.hpp"
#include "nf-ausf-ext/sequence_state.hpp"

namespace ausf_ext {

/// Where a device is on its way (PROTOCOL.md, section 8.3). Within one offer never backwards.
enum class State : std::int64_t { offered, key_retrieved, preloaded, received, attached, retired, failed };

/// `KEY_RETRIEVED`, and back.
std::string_view name(State state);
std::optional<State> state_from_name(std::string_view name);

/// One ARPF of an offer: its URI and the SE credentials for it, as they came.
struct OfferedArpf {
  std::string uri;
  base::Bytes token;
  base::Bytes secure_element;
  base::Bytes part_number;
  base::Bytes issuer;
  base::Bytes authorization = {};  ///< CMS SignedData, DER (PROTOCOL.md, section 6); empty: none
};

/// The service provider that offered a device: the peer's name; nothing for an anonymous one.
using Provider = std::optional<std::string>;

/// Step (0-d): what a service provider offers.
struct Offer {
  profile::DiscoveryImsi dimsi;
  std::vector<OfferedArpf> arpfs;  ///< in the order in which they are tried
  crypto::Sha256Digest hash{};     ///< of all that came, also of ARPFs that are left out of `arpfs` for nobody knows them here
  Provider offered_by = std::nullopt;
};

/// SHA-256 over URIs and ephemeral keys: two offers are the same if theirs are (PROTOCOL.md, section 8.3).
crypto::Sha256Digest hash_of(const std::vector<OfferedArpf>& arpfs);

/// Why a device stands where it stands: a peer's refusal, or what it waits for.
struct Problem {
  int status = 0;
  std::string cause;
  std::string detail;
};

struct HistoryEntry {
  State state;
  base::Time at;
};

/// A device's row. The sealed key stays sealed here.
struct Device {
  profile::DiscoveryImsi dimsi;
  State state = State::offered;
  std::int64_t epoch = 0;
  base::Bytes offer_hash;
  std::optional<std::int64_t> arpf_position;
  base::Bytes sealed_key;  ///< empty: none
  std::optional<profile::Imsi> imsi;
  std::uint8_t mnc_length = 0;
  std::optional<Problem> problem;
  std::int64_t attempts = 0;
  std::optional<base::Time> due_at;
  base::Time expires_at;
  std::optional<std::string> notify_network;
  std::optional<base::Time> attached_at;
  Provider offered_by = std::nullopt;
};

/// True if the device has an IMSI and a key here, and neither failed nor retired: it is authenticated and served here.
bool is_subscriber(const Device& device);

/// What is left to do at a peer after retiring.
struct Cleanup {
  enum class Kind : std::int64_t { vector, token };
  Kind kind;
  std::string uri;
  std::optional<profile::Imsi> imsi = std::nullopt;  ///< of a vector: held until that is deleted
  bool had_key = true;                               ///< of a token: false if no key ever came from that ARPF
};

// The tables devices, offers, history and cleanups: every SQL text of them is in devices.cpp. All throw store::StoreError.
std::optional<Device> find_device(store::Database& database, const profile::DiscoveryImsi& dimsi);
std::optional<Device> find_device_by_imsi(store::Database& database, const profile::Imsi& imsi);
/// Any device with a sealed key; nothing if there is none.
std::optional<Device> find_sealed(store::Database& database);
/// A device's key as it is stored.
struct SealedKey {
  profile::DiscoveryImsi dimsi;
  base::Bytes octets;
};
/// Devices with a sealed key, in the order of their dIMSIs, those after `after`.
std::vector<SealedKey> find_sealed_page(store::Database& database, std::optional<profile::DiscoveryImsi> after, std::size_t limit);
/// The same key in another seal; false, and nothing is changed, if the device has not this one any more.
bool replace_sealed(store::Database& database, const SealedKey& sealed, const base::Bytes& anew);
std::vector<HistoryEntry> find_history(store::Database& database, const profile::DiscoveryImsi& dimsi);
/// The URI of the ARPF at that position of the device's offer.
std::optional<std::string> find_arpf(store::Database& database, const profile::DiscoveryImsi& dimsi, std::int64_t position);
std::vector<OfferedArpf> find_offer(store::Database& database, const profile::DiscoveryImsi& dimsi);
std::vector<Cleanup> find_cleanups(store::Database& database, const profile::DiscoveryImsi& dimsi);
void add_cleanup(store::Database& database, const profile::DiscoveryImsi& dimsi, const Cleanup& cleanup);
void remove_cleanup(store::Database& database, const profile::DiscoveryImsi& dimsi, const Cleanup& cleanup);

/// A place in the order of what is due.
struct Due {
  base::Time at;
  profile::DiscoveryImsi dimsi;
};

/// Devices with something to do at `now`, the longest due first; those after `from` if that is given.
std::vector<Due> find_due(store::Database& database, base::Time now, const std::optional<Due>& from, std::size_t limit);
/// When the next device after `time` is due; nothing if none ever is.
std::optional<base::Time> find_next_due(store::Database& database, base::Time time);

/// Which devices a page has; nothing: all.
struct PageFilter {
  std::optional<State> state;
  Provider offered_by;
};
/// A page of devices after `from` in the order of their keys.
std::vector<profile::DiscoveryImsi> find_page(store::Database& database, const PageFilter& filter,
                                              std::optional<profile::DiscoveryImsi> from, std::size_t limit);

/// A new device, or a new offer for one: state OFFERED, due at once, history anew, with the next epoch.
void put_offer(store::Database& database, const Offer& offer, const std::optional<Device>& present, base::Time now,
               base::Time expires_at);

/// Writes state, key, IMSI, problem, attempts, due and notification of `device`, if its epoch is still the stored one, and notes a
/// new state in the history. A key that is stored stays in the seal in which it is (it may have been sealed anew meanwhile), until it is wiped. False: another offer or a retire came first, and nothing was written.
bool update_device(store::Database& database, const Device& device, base::Time now);

/// Begins a new epoch: what steps under way learn about the device is dropped.
void begin_epoch(store::Database& database, Device& device);

/// True if the device has this IMSI, its key and this state.
bool has_state(store::Database& database, const profile::DiscoveryImsi& dimsi, const profile::Imsi& imsi, State state);

/// What of a device its authentication needs.
struct StoredSubscriber {
  profile::DiscoveryImsi dimsi;
  base::Bytes sealed_key;
  SequenceState sequence;
};
/// Nothing unless the IMSI is allocated to a device for which is_subscriber() holds.
std::optional<StoredSubscriber> find_subscriber(store::Database& database, const profile::Imsi& imsi);

/// Nothing if there is no such device.
std::optional<SequenceState> find_sequence(store::Database& database, const profile::DiscoveryImsi& dimsi);
/// Replaces `last` and `counter`; the row exists.
void put_sequence(store::Database& database, const profile::DiscoveryImsi& dimsi, const SequenceState& state);

}  // namespace ausf_ext

#pragma once

#include <cstdint>
#include <string>

#include "lib/service/run.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/sequence_state.hpp"

/// Devices as subscribers for an operator who serves them from a UDR of its own: documents of Open5GS' collection `subscribers`,
/// one a line, for mongoimport. This takes K and OPc out of the seal.
namespace ausf_ext {

/// How far ahead of the last SEQ used here the exported one is. Whatever is authenticated here between export and import (SEQ grows by
/// one with each authentication of the subscriber, and with each second and instance in which any is authenticated), the USIM has accepted a
/// smaller SEQ than the UDR begins with, for 18 hours; and it is far less than kMaxSeqStep ahead, beyond which the USIM would refuse it.
inline constexpr std::uint64_t kExportedLead = 65536;

/// The SQN for a UDR that uses it for its next challenge, as Open5GS does; IND 0. `counter`: where the global counter stands. Throws
/// std::overflow_error if SEQ is exhausted.
aka::SequenceNumber exported_sqn(const SequenceState& state, std::uint64_t counter);

/// Writes all subscribers (is_subscriber) to `path`, a file of mode 0600 that is there whole or not at all; `-`: to standard output.
/// The number of them. The database may be in use meanwhile. Throws store::StoreError, and std::runtime_error if a key cannot be
/// opened or a file cannot be written; ConfigError without a bootstrap subscription.
std::uint64_t export_open5gs(const Config& config, const std::string& path);

/// `nf-ausf-ext export-open5gs --reveal-keys [--out FILE]`; refuses without the flag, with status 2.
service::Command export_command();

}  // namespace ausf_ext

#pragma once

#include <cstdint>
#include <string>

#include "lib/aka/sequence_number.hpp"
#include "lib/service/run.hpp"
#include "nf-ausf-ext/config.hpp"

/// Devices as subscribers for an operator who serves them from a UDR of its own: documents of Open5GS' collection `subscribers`,
/// one a line, for mongoimport. This takes K and OPc out of the seal.
namespace ausf_ext {

/// How far ahead of the last SEQ used here the exported one is. Whatever is authenticated here between export and import, up to so
/// many times, the USIM has accepted a smaller SEQ than the UDR begins with; and it is far less than kMaxSeqStep ahead, beyond
/// which the USIM would refuse it.
inline constexpr std::uint64_t kExportedLead = 65536;

/// The SQN for a UDR that uses it for its next challenge, as Open5GS does; IND 0. Throws std::overflow_error if SEQ is exhausted.
aka::SequenceNumber exported_sqn(const aka::SequenceNumber& last);

/// Writes all subscribers (is_subscriber) to `path`, a file of mode 0600 that is there whole or not at all; `-`: to standard output.
/// The number of them. The database may be in use meanwhile. Throws store::StoreError, and std::runtime_error if a key cannot be
/// opened or a file cannot be written; ConfigError without a bootstrap subscription.
std::uint64_t export_open5gs(const Config& config, const std::string& path);

/// `nf-ausf-ext export-open5gs --reveal-keys [--out FILE]`; refuses without the flag, with status 2.
service::Command export_command();

}  // namespace ausf_ext

#pragma once

#include <optional>
#include <string>

#include "lib/aka/suci_concealment.hpp"

/// How the USIM conceals its IMSI or dIMSI from whoever listens: the UE's side of TS 33.501, annex C.
namespace ue_sim {

/// `ID:SCHEME:FILE`, as `1:A:lab/pki/hn-a.pem`: the home network's public key; nothing if the text is empty. Throws
/// std::runtime_error for any other form, crypto::CryptoError for a file that is no such key.
std::optional<aka::HomeNetworkPublicKey> read_home_network_key(const std::string& text);

/// The SUCI of an IMSI, under an ephemeral key made for it; in the null scheme without a key. Throws std::runtime_error if MCC
/// and an MNC of `mnc_length` digits leave no MSIN.
std::string suci_of(const profile::Imsi& imsi, std::size_t mnc_length, const std::optional<aka::HomeNetworkPublicKey>& key);

}  // namespace ue_sim

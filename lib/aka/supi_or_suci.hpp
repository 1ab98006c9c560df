#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "lib/profile/identity.hpp"

/// IMSI-based SUPI and SUCI as they stand in a URI or in JSON (TS 23.003, 2.2A and 2.2B; TS 29.571, SupiOrSuci).
namespace aka {

/// What is wrong with an identity, in a sentence for the peer. It repeats none of its digits.
class IdentityError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The longest text that is looked at, in characters.
inline constexpr std::size_t kMaxIdentitySize = 1024;

/// Protection schemes (TS 33.501, annex C.1). Any other hex digit is a scheme too: reserved, or the operator's own.
inline constexpr std::uint8_t kNullScheme = 0;
inline constexpr std::uint8_t kProfileA = 1;
inline constexpr std::uint8_t kProfileB = 2;

/// A SUCI of type 0, `suci-0-<mcc>-<mnc>-<routing indicator>-<scheme>-<hn key id>-<output>`.
struct Suci {
  profile::Plmn home_network;
  std::string routing_indicator;  ///< 1 to 4 digits
  std::uint8_t scheme;            ///< 0 to 15
  std::uint8_t home_network_key;  ///< 0 for the null scheme, else 1 to 255
  std::string output;             ///< the MSIN's digits for the null scheme, else hex digits, an even number
};

/// The IMSI of `imsi-<6 to 15 digits>`. Throws IdentityError for anything else, other types of SUPI included.
profile::Imsi parse_supi(std::string_view text);

/// Throws IdentityError for anything that is not a SUCI of type 0. A scheme that is not known parses: see Suci::scheme.
Suci parse_suci(std::string_view text);

/// Either, by its prefix. Throws IdentityError as the two above do.
std::variant<profile::Imsi, Suci> parse_supi_or_suci(std::string_view text);

/// The IMSI in a SUCI of the null scheme. Throws IdentityError if the scheme is another one, or MCC, MNC and MSIN
/// together are not 6 to 15 digits.
profile::Imsi imsi_of_null_scheme(const Suci& suci);

/// `imsi-<digits>`.
std::string to_supi(const profile::Imsi& imsi);
/// The SUCI of an IMSI in the null scheme, as a UE without a home network key sends it, with routing indicator `0`.
/// Throws std::invalid_argument unless `home_network` is the PLMN of the IMSI.
std::string to_null_scheme_suci(const profile::Imsi& imsi, const profile::Plmn& home_network);

}  // namespace aka

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/aka/authentication_vector.hpp"
#include "lib/base/bytes.hpp"
#include "lib/base/secret.hpp"

/// EAP packets (RFC 3748, clause 4) and the messages of EAP-AKA' in them (RFC 4187, clauses 8 to 10; RFC 9048, clause
/// 3): octets to types and back, no protocol. What is read comes from a UE that nobody has authenticated yet.
namespace aka {

/// Why octets are no EAP packet, or no message of EAP-AKA', in a sentence. It repeats none of them.
class EapError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The largest packet, in octets, that is read or written: what NAS carries (TS 24.501, 9.11.2.2).
inline constexpr std::size_t kMaxEapSize = 1500;

enum class EapCode : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };

/// EAP types that mean something here (RFC 3748, clause 5). Any other octet is a type too.
inline constexpr std::uint8_t kEapIdentity = 1;
inline constexpr std::uint8_t kEapNotification = 2;
inline constexpr std::uint8_t kEapNak = 3;
inline constexpr std::uint8_t kEapAkaPrime = 50;

/// What every EAP packet begins with.
struct EapHeader {
  EapCode code;
  std::uint8_t identifier;
  std::uint8_t type;  ///< of a request or a response; 0 for success and failure, which have none
};

/// The header of a whole packet. Throws EapError unless there are at least 4 octets and at most kMaxEapSize, Length is
/// the number of octets (nothing trails), Code is one of the four, success and failure are exactly 4 octets, and
/// requests and responses have a type.
EapHeader parse_eap_header(base::BytesView packet);

/// EAP-Success and EAP-Failure, 4 octets.
base::Bytes eap_success(std::uint8_t identifier);
base::Bytes eap_failure(std::uint8_t identifier);
/// A request or a response of a type that is not EAP-AKA', with its data. For a Nak: the types wanted instead.
base::Bytes encode_eap(const EapHeader& header, base::BytesView data);

/// RFC 4187, clause 11.
enum class AkaSubtype : std::uint8_t {
  challenge = 1,
  authentication_reject = 2,
  synchronization_failure = 4,
  identity = 5,
  notification = 12,
  reauthentication = 13,
  client_error = 14,
};

/// AT_KDF: the one key derivation function that there is here, that of RFC 9048, clause 3.3.
inline constexpr std::uint16_t kKdfPrime = 1;
/// AT_CLIENT_ERROR_CODE: unable to process packet (RFC 4187, 10.20).
inline constexpr std::uint16_t kUnableToProcess = 0;

/// Values of AT_NOTIFICATION (RFC 4187, 10.19). With the S bit it is a success; with the P bit it comes before a
/// challenge was answered rightly, and has no AT_MAC.
inline constexpr std::uint16_t kNotificationSuccessBit = 0x8000;
inline constexpr std::uint16_t kNotificationPhaseBit = 0x4000;
inline constexpr std::uint16_t kNotifiedSuccess = 32768;
inline constexpr std::uint16_t kNotifiedFailure = 16384;
inline constexpr std::uint16_t kNotifiedFailureAfterAuthentication = 0;

/// AT_RES in octets: 32 to 128 bits.
inline constexpr std::size_t kMinResSize = 4;
inline constexpr std::size_t kMaxResSize = 16;

/// A request or a response of EAP-AKA', with those attributes that 5G uses. Moved, never copied, for RES.
struct AkaPrimeMessage {
  EapCode code = EapCode::request;
  std::uint8_t identifier = 0;
  AkaSubtype subtype = AkaSubtype::challenge;

  std::optional<Rand> rand;                    ///< AT_RAND
  std::optional<Autn> autn;                    ///< AT_AUTN
  std::optional<base::SecretBytes> res;        ///< AT_RES, kMinResSize to kMaxResSize octets
  std::optional<Auts> auts;                    ///< AT_AUTS
  bool is_identity_requested = false;          ///< AT_PERMANENT_ID_REQ, AT_ANY_ID_REQ or AT_FULLAUTH_ID_REQ
  std::optional<std::string> identity;         ///< AT_IDENTITY
  std::optional<std::uint16_t> notification;   ///< AT_NOTIFICATION
  std::optional<std::uint16_t> client_error;   ///< AT_CLIENT_ERROR_CODE
  std::optional<std::string> network_name;     ///< AT_KDF_INPUT; may be empty
  std::vector<std::uint16_t> key_derivations;  ///< AT_KDF, each one, in order
  bool has_result_indication = false;          ///< AT_RESULT_IND
  std::optional<std::size_t> mac_offset;       ///< where the 16 octets of AT_MAC begin; only of what was parsed
};

/// Reads a request or a response of EAP-AKA'. Throws EapError as parse_eap_header does, and for: another type, less
/// than 8 octets, an unknown subtype, an attribute of length 0, one that reaches beyond the end, less than 4 octets
/// left over, a length that is not the attribute's own, padding that is not 0, a RES that is not 4 to 16 whole octets,
/// an attribute twice (but AT_KDF), an unknown one of 0 to 127. Unknown ones of 128 to 255 are skipped, AT_BIDDING and
/// AT_CHECKCODE with them. Reserved octets are not looked at (RFC 4187, 8.1).
AkaPrimeMessage parse_aka_prime(base::BytesView packet);

/// Writes a message; attributes in the order of the members. Throws EapError if an attribute, or the whole, is too
/// long.
base::Bytes encode(const AkaPrimeMessage& message);
/// As above, with an AT_MAC of zeros at the end: the last kEapMacSize octets, for authenticate() in eap_aka_prime.hpp.
base::Bytes encode_with_empty_mac(const AkaPrimeMessage& message);

inline constexpr std::size_t kEapMacSize = 16;

}  // namespace aka

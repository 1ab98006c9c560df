#include "lib/aka/eap_packet.hpp"

#include <algorithm>
#include <bitset>

namespace aka {
namespace {

using base::Bytes;
using base::BytesView;

constexpr std::size_t kHeaderSize = 4;
constexpr std::size_t kAttributesOffset = 8;  ///< after header, type, subtype and 2 reserved octets
constexpr std::size_t kWord = 4;

/// Attribute types (RFC 4187, clause 11; RFC 9048, clause 3).
enum Attribute : std::uint8_t {
  kAtRand = 1,
  kAtAutn = 2,
  kAtRes = 3,
  kAtAuts = 4,
  kAtPermanentIdReq = 10,
  kAtMac = 11,
  kAtNotification = 12,
  kAtAnyIdReq = 13,
  kAtIdentity = 14,
  kAtFullauthIdReq = 17,
  kAtClientErrorCode = 22,
  kAtKdfInput = 23,
  kAtKdf = 24,
  kAtResultInd = 135,
};
constexpr std::uint8_t kFirstSkippable = 128;

std::uint16_t number_at(BytesView octets, std::size_t offset) {
  return static_cast<std::uint16_t>((octets[offset] << 8) | octets[offset + 1]);
}

std::size_t words(std::size_t octets) { return (octets + kWord - 1) / kWord; }

void require_eap(bool holds, const char* what) {
  if (!holds) throw EapError(what);
}

AkaSubtype subtype_of(std::uint8_t octet) {
  switch (const auto subtype = static_cast<AkaSubtype>(octet)) {
    case AkaSubtype::challenge:
    case AkaSubtype::authentication_reject:
    case AkaSubtype::synchronization_failure:
    case AkaSubtype::identity:
    case AkaSubtype::notification:
    case AkaSubtype::reauthentication:
    case AkaSubtype::client_error:
      return subtype;
  }
  throw EapError("the subtype is none of EAP-AKA'");
}

/// Reads the attributes of one packet into a message.
class AttributeReader {
 public:
  AttributeReader(BytesView packet, AkaPrimeMessage& message) : packet_(packet), message_(message) {}

  void read_all() {
    while (offset_ < packet_.size()) {
      require_eap(packet_.size() - offset_ >= kWord, "an attribute is cut short");
      const std::size_t size = packet_[offset_ + 1] * kWord;
      require_eap(size > 0, "an attribute has length 0");
      require_eap(size <= packet_.size() - offset_, "an attribute reaches beyond the end of the packet");
      read(packet_[offset_], packet_.subspan(offset_, size));
      offset_ += size;
    }
  }

 private:
  /// `attribute`: a whole one, type and length included.
  void read(std::uint8_t type, BytesView attribute) {
    if (!read_known(type, attribute)) {
      require_eap(type >= kFirstSkippable, "an attribute is unknown and must not be skipped");
      return;
    }
    require_eap(type == kAtKdf || !seen_.test(type), "an attribute is there twice");
    seen_.set(type);
  }

  /// False if the attribute is not known here.
  bool read_known(std::uint8_t type, BytesView attribute) {
    switch (type) {
      case kAtRand:
        message_.rand = fixed<16>(attribute, 4);
        return true;
      case kAtAutn:
        message_.autn = fixed<16>(attribute, 4);
        return true;
      case kAtRes:
        message_.res.emplace(res(attribute));
        return true;
      case kAtAuts:
        message_.auts = fixed<14>(attribute, 2);
        return true;
      case kAtMac:
        require_size(attribute, kWord + kEapMacSize);
        message_.mac_offset = offset_ + kWord;
        return true;
      default:
        return read_short(type, attribute) || read_text(type, attribute);
    }
  }

  /// Attributes of one word.
  bool read_short(std::uint8_t type, BytesView attribute) {
    switch (type) {
      case kAtPermanentIdReq:
      case kAtAnyIdReq:
      case kAtFullauthIdReq:
        require_size(attribute, kWord);
        message_.is_identity_requested = true;
        return true;
      case kAtNotification:
        message_.notification = value(attribute);
        return true;
      case kAtClientErrorCode:
        message_.client_error = value(attribute);
        return true;
      case kAtKdf:
        message_.key_derivations.push_back(value(attribute));
        return true;
      case kAtResultInd:
        require_size(attribute, kWord);
        message_.has_result_indication = true;
        return true;
      default:
        return false;
    }
  }

  bool read_text(std::uint8_t type, BytesView attribute) {
    if (type == kAtIdentity) message_.identity = text(attribute);
    if (type == kAtKdfInput) message_.network_name = text(attribute);
    return type == kAtIdentity || type == kAtKdfInput;
  }

  static void require_size(BytesView attribute, std::size_t size) {
    require_eap(attribute.size() == size, "an attribute has not the length of its kind");
  }

  /// The 2 octets of an attribute of one word.
  static std::uint16_t value(BytesView attribute) {
    require_size(attribute, kWord);
    return number_at(attribute, 2);
  }

  template <std::size_t N>
  static std::array<std::uint8_t, N> fixed(BytesView attribute, std::size_t offset) {
    require_size(attribute, offset + N);
    std::array<std::uint8_t, N> out{};
    std::ranges::copy(attribute.subspan(offset), out.begin());
    return out;
  }

  /// `size` octets after type, length and the 2 octets that say how many; the rest is padding.
  static BytesView padded(BytesView attribute, std::size_t size) {
    require_size(attribute, kWord + words(size) * kWord);
    const BytesView padding = attribute.subspan(kWord + size);
    require_eap(std::ranges::all_of(padding, [](std::uint8_t octet) { return octet == 0; }),
                "the padding of an attribute is not 0");
    return attribute.subspan(kWord, size);
  }

  static std::string text(BytesView attribute) {
    return std::string(base::as_text(padded(attribute, number_at(attribute, 2))));
  }

  static base::SecretBytes res(BytesView attribute) {
    const std::size_t bits = number_at(attribute, 2);
    require_eap(bits % 8 == 0 && bits >= kMinResSize * 8 && bits <= kMaxResSize * 8, "RES is not 4 to 16 octets");
    return base::SecretBytes(padded(attribute, bits / 8));
  }

  BytesView packet_;
  AkaPrimeMessage& message_;
  std::size_t offset_ = kAttributesOffset;
  std::bitset<256> seen_;
};

void append(Bytes& to, BytesView octets) { to.insert(to.end(), octets.begin(), octets.end()); }

void append_number(Bytes& to, std::size_t number) {
  to.push_back(static_cast<std::uint8_t>(number >> 8));
  to.push_back(static_cast<std::uint8_t>(number & 0xFF));
}

/// Type, Length, `number` (a length, a value or 0: reserved), the octets, and zeros up to a whole word.
void append_attribute(Bytes& to, Attribute type, std::size_t number, BytesView octets) {
  const std::size_t length = 1 + words(octets.size());
  if (length > 0xFF) throw EapError("an attribute is too long to be written");
  to.push_back(type);
  to.push_back(static_cast<std::uint8_t>(length));
  append_number(to, number);
  append(to, octets);
  to.resize(to.size() + (length - 1) * kWord - octets.size());
}

/// AT_AUTS has neither a length nor reserved octets in front.
void append_auts(Bytes& to, const Auts& auts) {
  append_attribute(to, kAtAuts, number_at(auts, 0), BytesView(auts).subspan(2));
}

void append_attributes(Bytes& to, const AkaPrimeMessage& message) {
  if (message.rand) append_attribute(to, kAtRand, 0, *message.rand);
  if (message.autn) append_attribute(to, kAtAutn, 0, *message.autn);
  if (message.res) append_attribute(to, kAtRes, message.res->size() * 8, message.res->reveal());
  if (message.auts) append_auts(to, *message.auts);
  if (message.is_identity_requested) append_attribute(to, kAtAnyIdReq, 0, {});
  if (message.identity) append_attribute(to, kAtIdentity, message.identity->size(), base::as_bytes(*message.identity));
  if (message.notification) append_attribute(to, kAtNotification, *message.notification, {});
  if (message.client_error) append_attribute(to, kAtClientErrorCode, *message.client_error, {});
  if (message.network_name) {
    append_attribute(to, kAtKdfInput, message.network_name->size(), base::as_bytes(*message.network_name));
  }
  for (const std::uint16_t kdf : message.key_derivations) append_attribute(to, kAtKdf, kdf, {});
  if (message.has_result_indication) append_attribute(to, kAtResultInd, 0, {});
}

/// Code, Identifier, and a Length that finish() puts in place.
Bytes begin(EapCode code, std::uint8_t identifier) { return {static_cast<std::uint8_t>(code), identifier, 0, 0}; }

Bytes finish(Bytes packet) {
  if (packet.size() > kMaxEapSize) throw EapError("an EAP packet is too long to be written");
  packet[2] = static_cast<std::uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<std::uint8_t>(packet.size() & 0xFF);
  return packet;
}

Bytes encode_message(const AkaPrimeMessage& message, bool has_mac) {
  Bytes packet = begin(message.code, message.identifier);
  append(packet, std::array<std::uint8_t, 4>{kEapAkaPrime, static_cast<std::uint8_t>(message.subtype), 0, 0});
  append_attributes(packet, message);
  if (has_mac) append_attribute(packet, kAtMac, 0, std::array<std::uint8_t, kEapMacSize>{});
  return finish(std::move(packet));
}

}  // namespace

EapHeader parse_eap_header(BytesView packet) {
  require_eap(packet.size() >= kHeaderSize, "an EAP packet has at least 4 octets");
  require_eap(packet.size() <= kMaxEapSize, "the EAP packet has more than 1500 octets");
  require_eap(number_at(packet, 2) == packet.size(), "Length of the EAP packet is not the number of its octets");
  require_eap(packet[0] >= 1 && packet[0] <= 4, "Code of the EAP packet is not 1 to 4");
  const auto code = static_cast<EapCode>(packet[0]);
  if (code == EapCode::success || code == EapCode::failure) {
    require_eap(packet.size() == kHeaderSize, "EAP-Success and EAP-Failure have 4 octets");
    return {code, packet[1], 0};
  }
  require_eap(packet.size() > kHeaderSize, "the EAP packet has no type");
  return {code, packet[1], packet[kHeaderSize]};
}

Bytes eap_success(std::uint8_t identifier) { return finish(begin(EapCode::success, identifier)); }

Bytes eap_failure(std::uint8_t identifier) { return finish(begin(EapCode::failure, identifier)); }

Bytes encode_eap(const EapHeader& header, BytesView data) {
  Bytes packet = begin(header.code, header.identifier);
  packet.push_back(header.type);
  append(packet, data);
  return finish(std::move(packet));
}

AkaPrimeMessage parse_aka_prime(BytesView packet) {
  const EapHeader header = parse_eap_header(packet);
  require_eap(header.type == kEapAkaPrime, "the EAP packet is not of type EAP-AKA'");
  require_eap(packet.size() >= kAttributesOffset, "a packet of EAP-AKA' has at least 8 octets");
  AkaPrimeMessage message;
  message.code = header.code;
  message.identifier = header.identifier;
  message.subtype = subtype_of(packet[kHeaderSize + 1]);
  AttributeReader(packet, message).read_all();
  return message;
}

Bytes encode(const AkaPrimeMessage& message) { return encode_message(message, false); }

Bytes encode_with_empty_mac(const AkaPrimeMessage& message) { return encode_message(message, true); }

}  // namespace aka

// What parses as an attach token, or as an element of the profile's DER, is written again as the same octets.
#include "lib/profile/attach_token.hpp"
#include "lib/profile/der.hpp"
#include "tests/fuzz/input.hpp"

namespace {

namespace der = profile::der;

void read_token(base::BytesView octets) {
  try {
    const auto token = profile::AttachToken::parse(octets);
    const base::Bytes tbs = profile::encode_tbs(token.discovery_imsi, token.arpf_key_id, token.ephemeral_point);
    fuzz::require(tbs == token.tbs_der, "the signed part is written as it was read");
    fuzz::require(std::ranges::equal(profile::encode_token(tbs, token.signature), octets), "the token is written as it was read");
  } catch (const profile::TokenError&) {
  }
}

/// Elements of these tags, one after the other, and what lies in sequences.
void read_elements(base::BytesView octets, int depth) {
  using der::Tag;
  for (const Tag tag : {Tag::integer, Tag::octet_string, Tag::utf8_string, Tag::generalized_time, Tag::sequence, Tag::context_0,
                        Tag::context_1, Tag::application_55, Tag::application_73}) {
    const auto code = static_cast<std::uint16_t>(tag);
    if (octets.empty() || octets[0] != (code > 0xFF ? code >> 8 : code)) continue;
    try {
      der::Reader whole(octets);
      der::Reader content(octets);
      const base::BytesView element = whole.read_whole(tag);
      const base::BytesView inside = content.read(tag);
      fuzz::require(std::ranges::equal(der::encode(tag, inside), element), "an element is written as it was read");
      if (tag == Tag::sequence && depth > 0) read_elements(inside, depth - 1);
      if (depth > 0) read_elements(octets.subspan(element.size()), depth - 1);
    } catch (const der::DerError&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_token({data, size});
  read_elements({data, size}, 4);
  return 0;
}

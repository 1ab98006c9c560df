// EAP packets parse and are written again the same, and both ends of EAP-AKA' stand a network that says what it likes: they agree on a key
// or on none, and the server believes nobody but the USIM.
#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/eap_aka_prime_server.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using base::Bytes;

constexpr const char* kNetwork = "5G:mnc001.mcc001.3gppnetwork.org";
constexpr const char* kIdentity = "001010000000001";

aka::SubscriberKeys subscriber_keys() {
  return {aka::SubscriberKey(std::array<std::uint8_t, 16>{1}), aka::OperatorVariant(std::array<std::uint8_t, 16>{2})};
}

aka::TransformedVector vector_of(std::uint64_t seq) {
  const auto sqn = aka::SequenceNumber::from_seq_and_ind(seq, 0);
  return aka::make_transformed_vector(subscriber_keys(), aka::Rand{3}, sqn, aka::kSeparatedAmf, kNetwork);
}

void read(base::BytesView packet) {
  try {
    const Bytes written = encode(aka::parse_aka_prime(packet));
    fuzz::require(encode(aka::parse_aka_prime(written)) == written, "a message is written as it was read");
  } catch (const aka::EapError&) {
  }
}

/// One authentication; the input is the network between its ends.
class Authentication {
 public:
  explicit Authentication(std::uint8_t options)
      : server_(kIdentity, kNetwork, vector_of(1 + options / 4U), 7,
                {.has_result_indications = (options & 1U) != 0, .key_derivations = {2, 1}}),
        peer_(kIdentity, kNetwork, (options & 2U) != 0) {}

  /// A packet of the network's own, or one that it changed on its way.
  void step(fuzz::Input& input) {
    const std::uint8_t kind = input.octet();
    if (kind % 5 == 0) return give_server(changed(answer_, input));
    if (kind % 5 == 1) return give_peer(changed(server_.request(), input));
    if (kind % 5 == 2) return give_server(own(input));
    if (kind % 5 == 3) return give_peer(own(input));
    give_server(authenticated(own(input)));
  }

  void end() {
    if (peer_.state() != aka::EapAkaPrimePeer::State::succeeded) return;
    const aka::Kausf kausf = peer_.take_kausf();
    fuzz::require(!kausf_ || *kausf_ == kausf, "both ends have the same KAUSF");
  }

 private:
  static Bytes own(fuzz::Input& input) {
    const auto octets = input.part();
    read(octets);
    return {octets.begin(), octets.end()};
  }
  /// One octet, or none if the difference is 0.
  static Bytes changed(Bytes packet, fuzz::Input& input) {
    const std::size_t at = input.number();
    const std::uint8_t difference = input.octet();
    if (!packet.empty()) packet[at % packet.size()] ^= difference;
    return packet;
  }
  /// The message with the right AT_MAC, so that what lies behind that check is reached.
  static Bytes authenticated(Bytes packet) {
    try {
      return encode_authenticated(aka::parse_aka_prime(packet), derive_eap_keys(vector_of(1).keys, kIdentity).k_aut);
    } catch (const aka::EapError&) {
      return packet;
    }
  }

  void give_peer(const Bytes& packet) {
    try {
      if (auto answer = peer_.respond(packet, keys_, sequence_)) {
        fuzz::require(aka::parse_eap_header(*answer).code == aka::EapCode::response, "a peer answers with responses");
        has_answered_ = has_answered_ || has_res(*answer);
        answer_ = std::move(*answer);
      }
    } catch (const aka::EapError&) {
    }
  }
  static bool has_res(const Bytes& answer) {
    return aka::parse_eap_header(answer).type == aka::kEapAkaPrime && aka::parse_aka_prime(answer).res.has_value();
  }

  void give_server(const Bytes& packet) {
    const bool had_ended = server_.has_ended();
    aka::EapOutcome outcome = server_.on_response(packet);
    const bool is_end = std::holds_alternative<aka::EapSucceeded>(outcome) || std::holds_alternative<aka::EapFailed>(outcome);
    fuzz::require(server_.has_ended() == (had_ended || is_end), "the server ends with success or failure, once");
    fuzz::require(server_.has_ended() || ++responses_ <= aka::EapAkaPrimeServer::kMaxResponses, "the server ends after so many responses");
    if (std::holds_alternative<aka::EapResynchronise>(outcome)) server_.restart(vector_of(++seq_));
    if (auto* success = std::get_if<aka::EapSucceeded>(&outcome)) {
      fuzz::require(has_answered_, "nobody is authenticated whose USIM was not asked");
      kausf_.emplace(std::move(success->kausf));
      give_peer(success->packet);
    }
    if (auto* failure = std::get_if<aka::EapFailed>(&outcome)) give_peer(failure->packet);
  }

  aka::SubscriberKeys keys_ = subscriber_keys();
  aka::UsimSequence sequence_;
  aka::EapAkaPrimeServer server_;
  aka::EapAkaPrimePeer peer_;
  Bytes answer_;  ///< the peer's last
  bool has_answered_ = false;
  int responses_ = 0;
  std::uint64_t seq_ = 100;
  std::optional<aka::Kausf> kausf_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({data, size});
  fuzz::Input input(data, size);
  Authentication authentication(input.octet());
  while (!input.at_end()) authentication.step(input);
  authentication.end();
  return 0;
}

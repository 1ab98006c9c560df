#include "ue-sim/attach_eap.hpp"

#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/supi_or_suci.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;

constexpr int kMaxRounds = 10;  ///< a resynchronisation, a result indication, and some to spare

/// The ME with its USIM, for one authentication. `device` must live as long.
class EapUe {
 public:
  EapUe(Device& device, const std::string& serving_network_name)
      : subscription_(device.subscription.value()),
        keys_(profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, subscription_.imsi)),
        peer_(aka::key_identity(subscription_.imsi), serving_network_name) {}

  /// The answer to a request.
  base::Bytes answer(const base::Bytes& packet) {
    auto response = respond(packet);
    require_step(response.has_value(), "9", "the network ended the authentication where it should go on");
    return std::move(*response);
  }

  /// Takes the end. Nothing unless it is an EAP-Success that the UE believes.
  std::optional<aka::Kausf> end(const base::Bytes& packet) {
    require_step(!respond(packet), "9", "the network's verdict comes with an EAP request");
    if (peer_.state() != aka::EapAkaPrimePeer::State::succeeded) return std::nullopt;
    return peer_.take_kausf();
  }

  [[nodiscard]] bool was_out_of_step() const noexcept { return peer_.was_out_of_step(); }
  [[nodiscard]] const std::string& why() const noexcept { return peer_.why(); }

 private:
  std::optional<base::Bytes> respond(const base::Bytes& packet) {
    try {
      return peer_.respond(packet, keys_, subscription_.sequence);
    } catch (const aka::EapError& error) {
      throw StepFailed("9", std::string("the UE drops the network's EAP packet: ") + error.what());
    }
  }

  Subscription& subscription_;
  profile::SubscriberKeys keys_;
  aka::EapAkaPrimePeer peer_;
};

/// The UE's verdict and the network's are one.
void check_verdict(EapUe& ue, const EapAnswer& answer, const std::string& serving_network_name,
                   const profile::Imsi& imsi) {
  const std::string said = answer.summary + " " + answer.result;
  const std::optional<aka::Kausf> kausf = ue.end(answer.payload);
  require_step(kausf && answer.result == "AUTHENTICATION_SUCCESS", "9", "no success: " + said + ", UE: " + ue.why());
  require_step(answer.supi == aka::to_supi(imsi), "10", "the SUPI in the answer is not the UE's IMSI");
  const bool is_equal = answer.kseaf && *answer.kseaf == aka::derive_kseaf(*kausf, serving_network_name);
  require_step(is_equal, "10", "KSEAF of the network is not the UE's");
}

}  // namespace

asio::awaitable<SecondAttach> attach_with_eap(Network& network, const AttachPath& path, Device& device,
                                              EapChallenge challenge) {
  EapUe ue(device, path.serving_network_name);
  base::Bytes packet = std::move(challenge.payload);
  for (int round = 0; round < kMaxRounds; ++round) {
    base::Bytes response = ue.answer(packet);
    EapAnswer answer = co_await send_eap(network, challenge.session, std::move(response));
    require_step(answer.status == 200, "9", "the UE's EAP packet is not taken: " + answer.summary);
    if (answer.is_ongoing()) {
      packet = std::move(answer.payload);
      continue;
    }
    check_verdict(ue, answer, path.serving_network_name, device.subscription->imsi);
    SecondAttach done;
    done.is_by_eap = true;
    done.was_resynchronised = ue.was_out_of_step();
    done.confirmation_summary = answer.summary + " " + answer.result;
    co_return done;
  }
  throw StepFailed("9", "the network does not come to an end of EAP-AKA'");
}

}  // namespace ue_sim

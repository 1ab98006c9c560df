#include "ue-sim/demo.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/aka/serving_network_name.hpp"
#include "ue-sim/attach.hpp"
#include "ue-sim/offer_authorizer.hpp"
#include "ue-sim/personalise.hpp"
#include "ue-sim/progress.hpp"
#include "ue-sim/rsmf_reader.hpp"
#include "ue-sim/service_provider.hpp"

namespace ue_sim {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto kPollPause = 50ms;
constexpr const char* kProvider = "service provider";
constexpr const char* kElement = "SE";
constexpr const char* kAccess = "access network";
constexpr const char* kArpf = "nf-arpf";
constexpr const char* kDiscovery = "nf-d-ausf";
constexpr const char* kTarget = "nf-ausf-ext";
constexpr const char* kRsmf = "RSMF";

/// What all devices of a demonstration share; all on one loop.
struct Demo {
  explicit Demo(const DemoRequest& wanted)
      : request(wanted),
        arpf(sbi::Uri::parse(wanted.arpf)),
        path{sbi::Uri::parse(wanted.d_ausf), sbi::Uri::parse(wanted.ausf_ext), wanted.serving_network_name,
             wanted.dimsi_mnc_length, read_home_network_key(wanted.home_network_key),
             read_home_network_key(wanted.imsi_home_network_key)},
        network(wanted.tls, 30s),
        progress("demonstrated", wanted.count) {}

  [[nodiscard]] Steady::time_point deadline() const { return Steady::now() + request.deadline; }

  const DemoRequest& request;
  sbi::Uri arpf;
  AttachPath path;
  Network network;
  Progress progress;
  std::optional<Factory> factory;
  std::unique_ptr<RsmfReader> rsmf;
  std::string operator_certificate;  ///< base64 of CERT.MNO
  std::optional<OfferAuthorizer> authorizer;  ///< the service provider's, if the lab's PKI has its key
  std::set<std::string> imsis;       ///< of this run
};

/// One device on its way: its ladder and its proofs. The first proof that fails ends it.
class Journey {
 public:
  explicit Journey(Device one) : device(std::move(one)) { shown.dimsi = device.dimsi.digits(); }

  void message(std::string step, std::string from, std::string to, std::string what, std::string status) {
    step_ = step;
    ladder.push_back({std::move(step), std::move(from), std::move(to), std::move(what), std::move(status), {}});
  }

  /// Counts `claim` if it holds; throws StepFailed with it otherwise.
  void prove(bool holds, const std::string& claim, const std::string& otherwise = {}) {
    if (!holds) throw StepFailed(step_, "not proved: " + claim + (otherwise.empty() ? "" : ": " + otherwise));
    ++shown.proofs;
    if (!ladder.empty()) ladder.back().proved.push_back(claim);
  }

  [[nodiscard]] std::string dimsi() const { return shown.dimsi; }
  [[nodiscard]] const std::string& step() const { return step_; }

  Device device;
  DemoDevice shown;
  std::vector<LadderLine> ladder;

 private:
  std::string step_ = "0-b";
};

/// Steps (0-a) to (0-c), as far as they are seen from outside.
void show_personalisation(const Demo& demo, Journey& journey) {
  const Factory& factory = *demo.factory;
  const auto& part_number = factory.part_number();
  journey.message("0-a", kProvider, kArpf, "GET /narpf-certificates/v1/certificates", "200");
  const auto fault =
      fault_of_agreement_certificate(factory.agreement_certificate(), part_number.issuer, base::system_now());
  journey.prove(fault.empty(), "CERT.ARPF.ECKA verifies under the CI", fault);

  journey.message("0-b", kProvider, kElement, "dIMSI " + journey.dimsi() + ", CERT.ARPF.ECKA", "taken");
  journey.message("0-c", kElement, kProvider, "ATK.SE.ECDHE, CERT.SE.ECDSA (eK stays in the SE)", "made");
  const auto token = profile::AttachToken::parse(journey.device.token);
  const auto secure_element = crypto::Certificate::from_der(journey.device.se_certificate);
  const std::array chain{part_number.issuer, part_number.certificate, secure_element};
  const auto verdict = crypto::check_chain(chain, base::system_now(), crypto::KeyUsage::digital_signature);
  journey.prove(verdict.fault == crypto::ChainFault::none, "CERT.SE verifies under PN and CI",
                std::string(crypto::describe(verdict.fault)));
  journey.prove(token.is_signed_by(secure_element.public_key()), "the token verifies under CERT.SE");
  journey.prove(token.discovery_imsi == journey.device.dimsi, "the token is for this dIMSI");
}

/// Steps (0-d) to (2).
asio::awaitable<void> offer_and_wait(Demo& demo, Journey& journey) {
  const std::string arpf_uri = demo.request.arpf_uri.empty() ? demo.request.arpf : demo.request.arpf_uri;
  const std::string dimsi = journey.dimsi();
  nlohmann::ordered_json offer = to_offer(journey.device, demo.factory->part_number(), arpf_uri);
  offer.erase("dimsi");
  if (demo.authorizer) demo.authorizer->authorize_offer(offer);
  std::string body = offer.dump();
  const DeviceView answer = co_await offer_device(demo.network, demo.path.ausf_ext, dimsi, std::move(body));
  journey.message("0-d", kProvider, kTarget, "PUT /nausfext-onboarding/v1/devices/" + dimsi,
                  std::to_string(answer.status));
  journey.prove(answer.status == 201 || answer.status == 202, "the offer is accepted", answer.problem);

  const auto deadline = demo.deadline();
  const std::set<std::string> awaited{"PRELOADED", "FAILED"};
  const DeviceView view = co_await wait_for_state(demo.network, demo.path.ausf_ext, dimsi, awaited, deadline);
  const auto when = [&](const char* state) {
    for (const auto& [name, at] : view.history) {
      if (name == state) return at;
    }
    return std::string("not seen");
  };
  journey.message("0-e", kTarget, kArpf, "POST /narpf-keys/v1/devices/" + dimsi + "/retrieve-key",
                  when("KEY_RETRIEVED"));
  journey.message("1,2", kTarget, kDiscovery, "PUT /ndausf-vectors/v1/vectors/" + dimsi, when("PRELOADED"));
  journey.prove(view.has_been("PRELOADED"), "the device is PRELOADED", view.state + " " + view.problem);
  journey.prove(!view.imsi.empty(), "an IMSI is allocated");
}

/// Step (7), the receipt on its way to the vector's owner.
asio::awaitable<void> see_receipt(Demo& demo, Journey& journey) {
  const auto deadline = demo.deadline();
  const std::set<std::string> awaited{"RECEIVED"};
  journey.message("7", kDiscovery, kTarget, "POST /nausfext-onboarding/v1/receipts, dIMSI, IMSI, AUTS", "awaited");
  const DeviceView view = co_await wait_for_state(demo.network, demo.path.ausf_ext, journey.dimsi(), awaited, deadline);
  journey.prove(view.has_been("RECEIVED"), "the target AUSF computes the same AUTS under eKi: the device is RECEIVED",
                view.state + " " + view.problem);
  journey.ladder.back().status = "RECEIVED";
}

/// True if the last ten digits (those of an MSIN) stand nowhere in the SUCI's output, as text or as packed BCD.
bool conceals(const std::string& suci, const profile::Imsi& imsi) {
  const std::string output = suci.substr(suci.rfind('-') + 1);
  const std::string digits = imsi.digits();
  const std::string tail = digits.substr(digits.size() - std::min<std::size_t>(digits.size(), 10));
  std::string exchanged = tail;
  for (std::size_t i = 0; i + 1 < exchanged.size(); i += 2) std::swap(exchanged[i], exchanged[i + 1]);
  return output.find(tail) == std::string::npos && output.find(exchanged) == std::string::npos;
}

/// Steps (3) to (7).
asio::awaitable<void> attach_first(Demo& demo, Journey& journey) {
  const std::string dimsi = journey.dimsi();
  std::string suci = suci_of_dimsi(demo.path, journey.device);
  journey.message("3", "UE", kAccess, "Registration Request, " + suci, "sent");
  if (demo.path.dimsi_key) journey.prove(conceals(suci, journey.device.dimsi.imsi()), "the SUCI does not show the dIMSI");
  journey.message("4,5", kAccess, kDiscovery, "POST /nausf-auth/v1/ue-authentications", "asked");
  const FirstAttach first =
      co_await attach_with_dimsi(demo.network, demo.path, journey.device, std::move(suci), demo.request.is_receipt_sent);
  journey.ladder.back().status = "201";
  journey.prove(true, "the D-AUSF serves RAND and AUTN of the dIMSI");
  journey.message("6", kAccess, "UE", "Authentication Request, RAND, AUTN", "sent");

  journey.shown.imsi = journey.device.subscription->imsi.digits();
  journey.message("7", kElement, kElement, "takes IMSI " + journey.shown.imsi + " out of RAND", "AUTN sound");
  const profile::DiscoveryVector own = recompute_vector(journey.device);
  journey.prove(own.rand == first.challenge.rand && own.autn == first.challenge.autn,
                "the SE's own recomputation gives the same RAND and AUTN: eK is the same on both sides");
  journey.prove(demo.imsis.insert(journey.shown.imsi).second, "no other device of this run has the IMSI");
  const DeviceView view = co_await get_device(demo.network, demo.path.ausf_ext, dimsi);
  journey.prove(view.imsi == journey.shown.imsi, "it is the IMSI that the target AUSF allocated",
                view.imsi + view.problem);
  if (!demo.request.is_receipt_sent) co_return;
  journey.message("7", kElement, kAccess, "Authentication Failure (synchronisation failure), AUTS: the receipt", "sent");
  journey.message("7", kAccess, kDiscovery,
                  "POST /nausf-auth/v1/ue-authentications, resynchronizationInfo: RAND, AUTS", first.receipt_summary);
  journey.prove(first.is_receipt_accepted, "the D-AUSF answers the receipt so that the device registers again",
                first.receipt_summary);
  co_await see_receipt(demo, journey);
}

/// Steps (8) to (10).
asio::awaitable<void> attach_second(Demo& demo, Journey& journey) {
  std::string suci = suci_of_imsi(demo.path, journey.device);
  journey.message("8", "UE", kAccess, "Registration Request, " + suci, "sent");
  if (demo.path.imsi_key) journey.prove(conceals(suci, journey.device.subscription->imsi), "the SUCI does not show the IMSI");
  journey.message("9", kAccess, kTarget, "POST /nausf-auth/v1/ue-authentications", "asked");
  const SecondAttach second = co_await attach_with_imsi(demo.network, demo.path, journey.device, std::move(suci));
  journey.ladder.back().status = second.was_resynchronised ? "201, after a resynchronisation" : "201";
  journey.prove(true, "the USIM accepts AUTN: MAC-A and SQN are right, the separation bit is set");
  if (second.is_by_eap) {
    journey.message("9", kAccess, kTarget, "POST .../eap-session, the UE's EAP packets", second.confirmation_summary);
    journey.prove(true, "the UE has EAP-Success, with AUTHENTICATION_SUCCESS beside it");
  } else {
    journey.prove(true, "HRES* of the UE's RES* is the network's HXRES*");
    journey.message("9", kAccess, kTarget, "PUT .../5g-aka-confirmation, RES*", second.confirmation_summary);
    journey.prove(true, "RES* is confirmed with AUTHENTICATION_SUCCESS");
  }
  journey.message("10", kTarget, kAccess, "KSEAF, SUPI", "received");
  journey.prove(true, "KSEAF of the network is the UE's own");
}

asio::awaitable<bool> is_notified(Demo& demo, const Journey& journey) {
  const auto deadline = demo.deadline();
  while (true) {
    const bool is_there = demo.rsmf->has(journey.shown.dimsi, journey.shown.imsi);
    const bool is_over = is_there || Steady::now() >= deadline;
    if (is_over) co_return is_there;
    co_await Network::pause(kPollPause);
  }
}

/// Step (11) up to the RSMF.
asio::awaitable<void> see_notification(Demo& demo, Journey& journey) {
  const auto deadline = demo.deadline();
  const std::set<std::string> awaited{"ATTACHED"};
  const DeviceView view = co_await wait_for_state(demo.network, demo.path.ausf_ext, journey.dimsi(), awaited, deadline);
  journey.message("11", kTarget, kRsmf, "POST " + demo.request.rsmf, "awaited");
  journey.prove(view.has_been("ATTACHED"), "the device is ATTACHED", view.state + " " + view.problem);
  const bool was_notified = co_await is_notified(demo, journey);
  journey.prove(was_notified, "the RSMF has the notification with dIMSI and IMSI", demo.rsmf->fault());
  journey.ladder.back().status = "taken";
}

/// Authenticates until the answer has the status, or the time is up.
asio::awaitable<ChallengeResult> authenticate_until(Demo& demo, sbi::Uri ausf, std::string identity, int status) {
  const auto deadline = demo.deadline();
  while (true) {
    ChallengeResult result =
        co_await authenticate(demo.network, ausf, identity, demo.path.serving_network_name, std::nullopt);
    const bool is_over = result.status == status || Steady::now() >= deadline;
    if (is_over) co_return result;
    co_await Network::pause(kPollPause);
  }
}

/// Sends the spent credentials to the ARPF until it refuses them, or the time is up.
asio::awaitable<Answer> retrieve_again(Demo& demo, const Journey& journey) {
  const nlohmann::ordered_json credentials = se_credentials(journey.device, demo.factory->part_number());
  nlohmann::ordered_json request{{"seCredentials", credentials}, {"operatorCertificate", demo.operator_certificate}};
  if (demo.authorizer) request["authorization"] = base::to_base64(demo.authorizer->authorize(journey.device.token));
  const auto deadline = demo.deadline();
  while (true) {
    std::string path = "/narpf-keys/v1/devices/" + journey.shown.dimsi + "/retrieve-key";
    std::string body = request.dump();
    Answer answer = co_await demo.network.exchange("POST", demo.arpf, std::move(path), std::move(body));
    const bool is_over = !answer.is_success() || Steady::now() >= deadline;
    if (is_over) co_return std::move(answer);
    co_await Network::pause(kPollPause);
  }
}

/// Step (11), the rest: the RSMF retires the device at the target AUSF.
asio::awaitable<void> retire_and_wait(Demo& demo, Journey& journey) {
  const std::string dimsi = journey.dimsi();
  const Answer retired = co_await retire_device(demo.network, demo.path.ausf_ext, dimsi);
  journey.message("11", kRsmf, kTarget, "POST /nausfext-onboarding/v1/devices/" + dimsi + "/retire", retired.summary());
  journey.prove(retired.status() == 204, "retiring is answered 204", retired.summary());
  const auto deadline = demo.deadline();
  const std::set<std::string> awaited{"RETIRED"};
  const DeviceView view = co_await wait_for_state(demo.network, demo.path.ausf_ext, dimsi, awaited, deadline);
  journey.prove(view.has_been("RETIRED"), "the device is RETIRED", view.state + " " + view.problem);
}

/// That nothing is left of eK anywhere.
asio::awaitable<void> see_nothing_left(Demo& demo, Journey& journey) {
  std::string imsi = suci_of_imsi(demo.path, journey.device);
  const ChallengeResult target = co_await authenticate_until(demo, demo.path.ausf_ext, std::move(imsi), 404);
  journey.message("11", kAccess, kTarget, "POST /nausf-auth/v1/ue-authentications, the IMSI", target.summary);
  journey.prove(target.status == 404 && target.cause == "USER_NOT_FOUND",
                "eK is wiped: the IMSI cannot authenticate any more", target.summary);

  std::string dimsi = suci_of_dimsi(demo.path, journey.device);
  const ChallengeResult discovery = co_await authenticate_until(demo, demo.path.d_ausf, std::move(dimsi), 404);
  journey.message("11", kAccess, kDiscovery, "POST /nausf-auth/v1/ue-authentications, the dIMSI", discovery.summary);
  journey.prove(discovery.status == 404, "the vector is deleted: the D-AUSF does not know the dIMSI",
                discovery.summary);

  const Answer spent = co_await retrieve_again(demo, journey);
  journey.message("11", "operator", kArpf,
                  "POST /narpf-keys/v1/devices/" + journey.dimsi() + "/retrieve-key, the same credentials",
                  spent.summary());
  journey.prove(spent.status() == 403 && spent.cause() == "TOKEN_SPENT", "the token is spent", spent.summary());

  std::string claim_path = "/narpf-keys/v1/claims/" + journey.dimsi();
  const Answer claim = co_await demo.network.exchange("GET", demo.arpf, std::move(claim_path));
  journey.message("11", "operator", kArpf, "GET /narpf-keys/v1/claims/" + journey.dimsi(), claim.summary());
  journey.prove(claim.status() == 200, "the operator's claim of the dIMSI is kept", claim.summary());
}

asio::awaitable<void> travel(Demo& demo, Journey& journey) {
  show_personalisation(demo, journey);
  co_await offer_and_wait(demo, journey);
  if (demo.request.is_until_preloaded) co_return;
  co_await attach_first(demo, journey);
  co_await attach_second(demo, journey);
  co_await see_notification(demo, journey);
  if (demo.request.is_retire_skipped) co_return;
  co_await retire_and_wait(demo, journey);
  co_await see_nothing_left(demo, journey);
}

/// One device from its making to its end; what fails is noted.
asio::awaitable<void> demonstrate_one(Demo& demo, std::size_t index, DemoReport& report) {
  Journey journey(demo.factory->personalise(dimsi_after(demo.request.first_dimsi, index)));
  try {
    co_await travel(demo, journey);
  } catch (const StepFailed& error) {
    journey.shown.failed_step = error.step();
    journey.shown.problem = error.what();
  } catch (const std::exception& error) {
    journey.shown.failed_step = journey.step();
    journey.shown.problem = error.what();
  }
  if (index == 0) report.ladder = std::move(journey.ladder);
  report.devices[index] = std::move(journey.shown);
  demo.progress.step();
}

asio::awaitable<void> prepare(Demo& demo) {
  PartNumber part_number = load_part_number(demo.request.pki);
  crypto::Certificate certificate = co_await fetch_agreement_certificate(demo.network, demo.arpf, part_number.issuer);
  demo.factory.emplace(std::move(part_number), std::move(certificate), base::system_now());
}

void check(const DemoRequest& request) {
  if (request.count == 0) throw std::runtime_error("--count must be at least 1");
  if (request.rsmf.empty() && !request.is_until_preloaded) throw std::runtime_error("--rsmf is needed from step 11 on");
  if (!aka::is_serving_network_name(request.serving_network_name)) {
    throw std::runtime_error("the serving network name is not of the form 5G:mnc001.mcc001.3gppnetwork.org");
  }
}

}  // namespace

std::size_t DemoReport::proofs() const {
  std::size_t sum = 0;
  for (const DemoDevice& device : devices) sum += device.proofs;
  return sum;
}

std::size_t DemoReport::failures() const {
  return static_cast<std::size_t>(std::count_if(devices.begin(), devices.end(),
                                                [](const DemoDevice& device) { return !device.failed_step.empty(); }));
}

DemoReport demonstrate(const DemoRequest& request) {
  check(request);
  Demo demo(request);
  const std::filesystem::path pki(request.pki);
  const auto mno = crypto::Certificate::load(pki / "operator.pem");
  demo.operator_certificate = base::to_base64(mno.der());
  if (std::filesystem::exists(pki / "service-provider.key") && mno.organizations().size() == 1) {
    demo.authorizer.emplace(AuthorizationRequest{pki / "service-provider.pem", pki / "service-provider.key", mno.organizations().front()});
  }
  demo.network.run(1, 1, [&](std::size_t) { return prepare(demo); });
  if (!request.is_until_preloaded) demo.rsmf = std::make_unique<RsmfReader>(request.rsmf, request.tls);
  DemoReport report;
  report.devices.resize(request.count);
  demo.network.run(request.count, request.parallel, [&](std::size_t i) { return demonstrate_one(demo, i, report); });
  report.seconds = demo.progress.seconds();
  return report;
}

}  // namespace ue_sim

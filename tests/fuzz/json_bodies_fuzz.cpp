// The bodies of all routes, and those of the answers that peers give us. The first octet chooses the reader, the rest is the body. Only
// base::Error comes out, a refusal can be written as a problem, and a fast path says what the general reader beside it says.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>

#include "lib/base/log.hpp"
#include "lib/core/access_token.hpp"
#include "lib/core/access_tokens.hpp"
#include "lib/core/eap_session.hpp"
#include "lib/core/hss_ueau.hpp"
#include "lib/core/nrf_messages.hpp"
#include "lib/core/relay.hpp"
#include "lib/core/ueau.hpp"
#include "lib/sbi/problem.hpp"
#include "nf-arpf/api.hpp"
#include "nf-ausf-ext/api_bootstrap.hpp"
#include "nf-ausf-ext/api_import.hpp"
#include "nf-ausf-ext/api_peers.hpp"
#include "nf-ausf-ext/api_receipts.hpp"
#include "nf-ausf-ext/schema.hpp"
#include "nf-d-ausf/api_read_vector.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/certificates.hpp"

namespace {

constexpr const char* kImsi = "001010000000001";
constexpr const char* kDimsi = "901700000000001";

sbi::Request request_with(std::string body) {
  sbi::Request request;
  request.authority = "peer";
  request.target = "/";
  request.body = std::move(body);
  for (const char* name : {"supi", "supiOrSuci"}) request.path_parameters.emplace_back(name, std::string("imsi-") + kImsi);
  request.path_parameters.emplace_back("hssAuthType", "eps-aka");
  return request;
}

/// Status and cause of an answer, and the members that it names; what it says in words may tell where in the body it was found.
std::string gist_of(const sbi::Response& answer) {
  std::string out = std::to_string(answer.status);
  if (answer.status < 400) return out + " " + answer.body;
  fuzz::require(answer.status != 500, "nothing but base::Error comes out");
  const nlohmann::json problem = sbi::parse_json(answer.body);
  out += " " + problem.value("cause", "");
  if (problem.contains("invalidParams")) out += " " + problem.at("invalidParams").dump();
  return out;
}

/// The same body for the general reader: another member, which is no text, is no matter to any reader but a fast one. Nothing if it could
/// be there already.
std::optional<std::string> with_another_member(const std::string& body) {
  constexpr std::string_view kName = "noReaderAsksForThis";
  const std::size_t brace = body.find_first_not_of(" \t\r\n");
  const std::size_t next = brace == std::string::npos ? brace : body.find_first_not_of(" \t\r\n", brace + 1);
  if (next == std::string::npos || body[brace] != '{' || body[next] != '"') return std::nullopt;
  if (body.find(kName) != std::string::npos || body.find("\\u") != std::string::npos) return std::nullopt;
  return body.substr(0, next).append("\"").append(kName).append("\":0,") + body.substr(next);
}

// --- Readers that are functions -----------------------------------------------------------------------------------------------

const aka::HomeNetworkKeys kNoKeys;

template <class Read>
sbi::Response outcome_of(Read read) {
  try {
    return sbi::Response(200, sbi::kJson, read());
  } catch (const base::Error& error) {
    return sbi::to_problem(error);
  }
}

std::string text_of(const core::AuthenticationRequest& wanted) {
  return wanted.subscriber.imsi.digits() + " " + wanted.serving_network_name + (wanted.subscriber.came_as_suci ? " suci" : "");
}

std::string text_of(const d_ausf::Vector& vector) {
  return base::to_hex(vector.challenge.rand) + base::to_hex(vector.challenge.autn) + vector.imsi.digits() +
         base::to_hex(vector.receipt_hash.value_or(std::array<std::uint8_t, 32>{})) + vector.notification_uri.value_or("");
}

std::string read_search_result(const std::string& body) {
  core::DiscoveryQuery query;
  query.target_nf_type = "AUSF";
  query.service_name = "nausf-auth";
  const auto result = core::read_search_result(sbi::Response(200, sbi::kJson, body), query);
  fuzz::require(result.instances.size() <= core::kMaxDiscoveredInstances, "instances are bounded");
  for (const auto& instance : result.instances) {
    fuzz::require(!instance.api_roots.empty() && instance.api_roots.size() <= core::kMaxEndPoints, "each has some end points");
    for (const auto& root : instance.api_roots) (void)sbi::Uri::parse(root.origin() + root.path);  // each can be called
  }
  return {};
}

/// What never throws.
std::string read_answer(const std::string& body) {
  const sbi::Response answer(400, sbi::kProblemJson, body);
  (void)core::read_heartbeat_timer(answer);
  (void)core::read_subscription(answer);
  (void)sbi::read_problem(answer);
  const auto same = [](const std::string& href) { return href; };
  const std::string led_back = core::with_links(body, same);
  fuzz::require(core::with_links(led_back, same) == led_back, "links are led back once");
  return {};
}

/// AccessTokenRsp, by which we are somebody to others.
std::string read_token_answer(const std::string& body) {
  const std::string scope = "nudm-ueau";
  const auto grant = core::read_token_answer(sbi::Response(200, sbi::kJson, body), "http://nrf", "UDM", scope);
  const std::string& authorization = grant.authorization;
  fuzz::require(authorization.starts_with("Bearer ") && authorization.size() <= core::kMaxAuthorizationSize, "a header that peers take");
  fuzz::require(authorization.find_first_of("\r\n\0, ", 7, 5) == std::string::npos, "and that is one");
  const auto lifetime = grant.lifetime;
  fuzz::require(lifetime >= std::chrono::seconds(1) && lifetime <= std::chrono::seconds(core::kMaxTokenLifetimeS), "for a time of some use");
  fuzz::require(!grant.scope || grant.scope->find(scope) != std::string::npos, "for what it was asked for");
  return authorization + " " + std::to_string(lifetime.count());
}

/// AccessTokenErr or ProblemDetails: a refusal in any case.
std::string read_token_refusal(const std::string& body) {
  try {
    (void)core::read_token_answer(sbi::Response(400, sbi::kJson, body), "http://nrf", "UDM", "nudm-ueau");
  } catch (const base::Error& error) {
    fuzz::require(error.cause() == "ACCESS_TOKEN_DENIED", "a refusal is one, whatever it says");
    throw;
  }
  fuzz::require(false, "a refusal is no token");
  return {};
}

std::string read_offer(const std::string& body) {
  const nlohmann::json document = sbi::parse_json(body);
  const auto offer = ausf_ext::read_offer(profile::DiscoveryImsi::from_digits(kDimsi).value(), sbi::JsonObject(document));
  return base::to_hex(offer.hash);
}

using Read = std::function<std::string(const std::string& body)>;

template <class Reader>
Read of_request(Reader reader) {
  return [reader](const std::string& body) { return (void)reader(request_with(body)), std::string(); };
}

// --- Readers behind routes ----------------------------------------------------------------------------------------------------

/// The functions' own routes over stores in memory. A committer that takes nothing: each write is refused, after all was read.
class Functions {
 public:
  Functions() {
    base::log::open("fuzz", "", base::log::Level::off);
    store::migrate(reader_, kSchema);
    attach_device();
    bootstrap_.add_routes(routes_);
    receipts_.add_routes(router_);
    arpf_.add_routes(router_);
  }

  std::string operator()(const std::string& method, const std::string& target, const std::string& body) {
    sbi::Request request = request_with(body);
    request.method = method;
    request.target = target;
    request.path_parameters.clear();
    std::string gist;
    try {
      const sbi::Route& route = router_.find(request);
      boost::asio::co_spawn(loop_, sbi::serve(route, request, nullptr),
                            [&gist](std::exception_ptr, const sbi::Response& answer) { gist = gist_of(answer); });
      loop_.restart();
      loop_.run();
    } catch (const base::Error& error) {
      gist = gist_of(sbi::to_problem(error));
    }
    return gist;
  }

 private:
  /// The one device of the AUSF: its IMSI is kImsi.
  void attach_device() {
    const auto dimsi = profile::DiscoveryImsi::from_digits(kDimsi).value();
    ausf_ext::put_offer(reader_, {dimsi, {}, {}}, {}, test::kNow, test::after_years(1));
    ausf_ext::Device device = ausf_ext::find_device(reader_, dimsi).value();
    device.state = ausf_ext::State::attached;
    device.imsi = profile::Imsi::from_digits(kImsi);
    device.mnc_length = 2;
    device.sealed_key = keys_.seal(profile::EphemeralKey(std::array<std::uint8_t, 16>{1}), dimsi);
    fuzz::require(ausf_ext::update_device(reader_, device, test::kNow), "the device is there");
  }
  static test::Identity endorser() {
    auto key = crypto::PrivateKey::from_scalar(crypto::Curve::p256, base::Bytes(32, 0x17));
    auto certificate = crypto::issue(test::template_for("ARPF", {crypto::KeyUsage::digital_signature}), key.public_key(), key, nullptr);
    return {std::move(certificate), std::move(key)};
  }
  static std::shared_ptr<const arpf::Trust> trust() {
    test::Identity made = endorser();
    const auto lists = std::make_shared<arpf::RevocationLists>(std::vector<std::string>(), arpf::RevocationLists::Lists());
    return std::make_shared<arpf::Trust>(
        arpf::Trust{{}, {}, lists, {}, {made.certificate, std::make_shared<const crypto::PrivateKey>(std::move(made.key))}});
  }

  boost::asio::io_context loop_{1};
  base::Clock clock_ = [] { return test::kNow; };
  store::Database reader_ = store::Database::open(":memory:");
  store::Committer committer_{store::Database::open(":memory:"), 0};
  sbi::Router router_;

  core::PlmnRouting all_here_;
  core::RelayLinks links_{base::SecretBytes(core::RelayLinks::kKeyOctets)};
  sbi::Client client_{loop_, "AUSF", nullptr};
  core::Relay relay_{client_, links_, {}, {}};
  core::SubscriberRoutes routes_{{router_, all_here_, kNoKeys, relay_, {}, {}}};
  ausf_ext::BootstrapSubscription subscription_{{}, {}, {{{1, {}}, true, {{"internet", {ausf_ext::PduSessionType::ipv4}, 1, 9, {}, {}}}}}};
  ausf_ext::BootstrapApi bootstrap_{{subscription_, reader_, committer_}};
  ausf_ext::KeyBox keys_{std::make_shared<const crypto::KeyEncryptionKey>(std::array<std::uint8_t, 32>{1})};
  ausf_ext::AcceptReceipt accept_{{reader_, committer_, keys_, clock_}};
  ausf_ext::ReceiptApi receipts_{accept_};

  arpf::Config config_{{}, trust(), {}, {}};
  crypto::KnownCertificates known_;
  arpf::Claims claims_{reader_, committer_, clock_};
  arpf::ReleaseEphemeralKey release_{config_.trust, claims_, known_, clock_};
  arpf::PublishCertificates certificates_{{}, config_.trust->endorsement_key.certificate};
  arpf::Api arpf_{config_, certificates_, release_, claims_, known_, {}};
};

Functions& functions() {
  static Functions made;
  return made;
}

std::string target_with(std::string target, const std::string& query) { return std::move(target) + core::percent_encoded(query); }

// --- All of them --------------------------------------------------------------------------------------------------------------

using Gist = std::function<std::string(const std::string& body)>;

Gist direct(Read read) {
  return [read = std::move(read)](const std::string& body) { return gist_of(outcome_of([&] { return read(body); })); };
}
Gist routed(std::string method, std::string target) {
  return [method = std::move(method), target = std::move(target)](const std::string& body) { return functions()(method, target, body); };
}
Gist queried(std::string target) {
  return [target = std::move(target)](const std::string& value) { return functions()("GET", target_with(target, value), ""); };
}

const std::string kUecm = std::string("/nudm-uecm/v1/imsi-") + kImsi + "/registrations/";
const std::string kSdm = std::string("/nudm-sdm/v2/imsi-") + kImsi;

/// By letter, from `a`. New ones go to the end: the corpus knows them by their place.
const std::vector<Gist>& readers() {
  static const std::vector<Gist> all{
      /* a */ direct([](const std::string& body) { return text_of(core::read_authentication_info(request_with(body), kNoKeys)); }),
      /* b */ direct([](const std::string& body) { return text_of(core::read_generate_auth_data(request_with(body), kNoKeys)); }),
      /* c */ direct(of_request(core::read_hss_authentication)),
      /* d */ direct(of_request(core::read_confirmation)),
      /* e */ direct(of_request(core::read_eap_session)),
      /* f */ direct(of_request(core::read_auth_event)),
      /* g */ direct(of_request(core::auth_event_created)),
      /* h */ direct(of_request(core::auth_event_removed)),
      /* i */ direct(of_request(core::read_deregistration_info)),
      /* j */ direct([](const std::string& body) { return text_of(d_ausf::read_vector(std::string_view(body))); }),
      /* k */ direct(read_offer),
      /* l */ routed("POST", ausf_ext::ReceiptApi::kPath),
      /* m */ routed("PUT", kUecm + "amf-3gpp-access"),
      /* n */ routed("PATCH", kUecm + "amf-3gpp-access"),
      /* o */ routed("PUT", kUecm + "smf-registrations/5"),
      /* p */ routed("POST", kSdm + "/sdm-subscriptions"),
      /* q */ routed("POST", std::string("/narpf-keys/v1/devices/") + kDimsi + "/retrieve-key"),
      /* r */ direct(read_answer),
      /* s */ direct(of_request(core::read_notification)),
      /* t */ direct(read_search_result),
      /* u */ direct([](const std::string& body) { return (void)ausf_ext::read_key_answer(body), std::string(); }),
      /* v */ queried(kSdm + "/sm-data?single-nssai="),
      /* w */ queried(kSdm + "/am-data?plmn-id="),
      /* x */ queried(kSdm + "?dataset-names="),
      /* y */ direct(read_token_answer),
      /* z */ direct(read_token_refusal),
  };
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t letter = input.octet();
  const Gist& read = readers()[(letter + readers().size() * 8 - 'a') % readers().size()];
  const std::string body = input.text();
  const std::string gist = read(body);
  const auto another = with_another_member(body);
  fuzz::require(!another || read(*another) == gist, "a member that nobody asks for changes nothing");
  return 0;
}

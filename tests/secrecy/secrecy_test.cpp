#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/aka/authentication_vector.hpp"
#include "lib/aka/suci_concealment.hpp"
#include "lib/base/log.hpp"
#include "lib/crypto/certificate.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/crypto/kdf.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/store/database.hpp"
#include "nf-arpf/function.hpp"
#include "nf-ausf-ext/function.hpp"
#include "nf-d-ausf/function.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temporary_folder.hpp"
#include "ue-sim/home_network_key.hpp"
#include "ue-sim/pki.hpp"
#include "ue-sim/secure_element.hpp"

namespace {

using nlohmann::json;
using profile::DiscoveryImsi;

constexpr const char* kServingNetwork = "5G:mnc001.mcc001.3gppnetwork.org";

/// Every form in which a secret could stand in a log.
struct Secret {
  std::string name;
  base::Bytes octets;

  [[nodiscard]] std::string found_in(const std::string& text) const {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower.find(base::to_hex(octets)) != std::string::npos) return name + " in hex";
    if (text.find(base::as_text(octets)) != std::string::npos) return name + " in binary";
    // Base64 of the secret inside anything longer: without the digits at its ends, which depend on what stands beside it.
    for (std::size_t shift = 0; shift < 3; ++shift) {
      base::Bytes shifted(shift, 0);
      shifted.insert(shifted.end(), octets.begin(), octets.end());
      const std::string digits = base::to_base64(shifted);
      if (text.find(digits.substr(4, digits.size() - 8)) != std::string::npos) return name + " in base64";
    }
    return "";
  }
};

class Secrets {
 public:
  void add(const std::string& name, base::BytesView octets) { all_.push_back({name, {octets.begin(), octets.end()}}); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::vector<std::string> found_in(const std::string& text) const {
    std::vector<std::string> out;
    for (const Secret& secret : all_) {
      if (const auto found = secret.found_in(text); !found.empty()) out.push_back(found);
    }
    return out;
  }

 private:
  std::vector<Secret> all_;
};

std::uint16_t free_port() {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::endpoint any(boost::asio::ip::make_address("127.0.0.1"), 0);
  return boost::asio::ip::tcp::acceptor(io, any).local_endpoint().port();
}

/// The three functions in this process, at debug level, and a client that plays everyone else.
class Lab {
 public:
  Lab()
      : log_(folder_ / "log"),
        pki_(folder_ / "pki"),
        arpf_("http://127.0.0.1:" + std::to_string(free_port())),
        client_(loop_.io(), "AMF", nullptr) {
    base::log::open("secrecy", log_, base::log::Level::debug);
    ue_sim::PkiRequest request;
    request.directory = pki_;
    request.arpf_uri = arpf_;
    ue_sim::make_pki(request);
    arpf_function_ = run(arpf::kProgram, [](const auto& document) { return arpf::make_function(document); }, arpf_yaml());
    d_ausf_function_ = run(d_ausf::kProgram, [](const auto& document) { return d_ausf::make_function(document); },
                           "d_ausf: {database: " + (folder_ / "d.db") + ", sbi: {server: [{address: 127.0.0.1, port: 0}]}, " + home_network_keys() + "}");
    ausf_ext_function_ = run(ausf_ext::kProgram, [](const auto& document) { return ausf_ext::make_function(document); }, ausf_ext_yaml());
  }
  ~Lab() {
    loop_.run([this] {
      client_.close();
      fake_arpf_.reset();
    });
    loop_.stop();
  }

  json call(const std::string& root, const std::string& method, const std::string& target, const json& body, int status) {
    const sbi::Uri uri = sbi::Uri::parse(root);
    sbi::Request request = sbi::make_request(method, uri, target, body.dump());
    const sbi::Response response = loop_.await(client_.send(uri, std::move(request), test::kDeadline));
    INFO(method << " " << target << ": " << response.body);
    REQUIRE(response.status == status);
    return response.body.empty() ? json() : json::parse(response.body);
  }

  [[nodiscard]] std::string d_ausf_uri() const { return at(*d_ausf_function_); }
  [[nodiscard]] std::string ausf_ext_uri() const { return at(*ausf_ext_function_); }
  [[nodiscard]] const std::string& arpf_uri() const { return arpf_; }
  [[nodiscard]] const std::string& pki() const { return pki_; }
  /// Overwrites the sealed key of a device, which then does not open, as under a key-encryption key that is not its own.
  void spoil_sealed_key(const DiscoveryImsi& dimsi) {
    auto database = store::Database::open(folder_ / "x.db");
    database.run("UPDATE devices SET ephemeral_key = randomblob(length(ephemeral_key)) WHERE dimsi = $1", dimsi.packed());
  }
  /// Puts an ARPF of the test's own in the place of the ARPF; it gives this answer for every key.
  void replace_arpf(std::function<sbi::Response(const sbi::Request&)> answer) {
    arpf_function_.reset();
    fake_routes_.add("POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", sbi::BodyKind::json, sbi::PlainHandler(std::move(answer)));
    loop_.run([this] {
      fake_arpf_ = std::make_unique<sbi::Http2Server>(loop_.io(), fake_routes_, sbi::ServerLimits());
      fake_arpf_->listen("127.0.0.1", static_cast<std::uint16_t>(std::stoul(sbi::Uri::parse(arpf_).port)), nullptr);
    });
  }
  [[nodiscard]] std::string log() const { return test::read_text(log_); }
  /// Everything that rests in the databases, their write-ahead logs included.
  [[nodiscard]] std::string databases() const {
    std::string all;
    for (const char* name : {"a.db", "a.db-wal", "d.db", "d.db-wal", "x.db", "x.db-wal"}) all += test::read_text(folder_ / name);
    return all;
  }

 private:
  using Running = std::unique_ptr<service::Running>;

  static std::string at(const service::Running& running) {
    return "http://127.0.0.1:" + std::to_string(running.http2_ports().front());
  }
  template <class Make>
  static Running run(const service::Program& program, Make make, const std::string& yaml) {
    const auto document = service::YamlDocument::parse(yaml, program.section + ".yaml");
    return std::make_unique<service::Running>(program, make(document));
  }
  std::string arpf_yaml() {
    const std::string port = sbi::Uri::parse(arpf_).port;
    return "arpf:\n  uri: " + arpf_ + "\n  database: " + (folder_ / "a.db") +
           "\n  sbi: {server: [{address: 127.0.0.1, port: " + port + "}]}\n  agreement_keys: [{certificate: " + pki_ +
           "/arpf-ecka.pem, private_key: " + pki_ + "/arpf-ecka.key}]\n  endorsement_key: {certificate: " + pki_ +
           "/arpf-ecdsa.pem, private_key: " + pki_ + "/arpf-ecdsa.key}\n  agreed_issuers: [" + pki_ +
           "/ci.pem]\n  operator_issuers: [" + pki_ + "/operator-ca.pem]\n";
  }
  [[nodiscard]] std::string home_network_keys() const {
    return "home_network_keys: [{id: 1, scheme: A, private_key: " + pki_ + "/hn-a.key}, {id: 2, scheme: B, private_key: " + pki_ +
           "/hn-b.key}]";
  }
  std::string ausf_ext_yaml() {
    return "ausf_ext:\n  database: " + (folder_ / "x.db") + "\n  key_encryption_key: " + pki_ +
           "/kek.hex\n  sbi: {server: [{address: 127.0.0.1, port: 0}]}\n  operator: {certificate: " + pki_ +
           "/operator.pem, private_key: " + pki_ + "/operator.key}\n  arpfs: [{uri: \"" + arpf_ + "\", issuer: " + pki_ +
           "/ci.pem}]\n  d_ausf: {uri: \"" + at(*d_ausf_function_) + "\"}\n  rsmf: {uri: \"http://127.0.0.1:1/\"}\n" +
           "  imsi_pools: [{mcc: \"001\", mnc: \"01\", from: \"001010000000001\", to: \"001010000000009\"}]\n  " + home_network_keys() + "\n";
  }

  test::TemporaryFolder folder_;
  std::string log_;
  std::string pki_;
  std::string arpf_;
  test::Loop loop_;
  sbi::Client client_;
  Running arpf_function_;
  Running d_ausf_function_;
  Running ausf_ext_function_;
  sbi::Router fake_routes_;
  std::unique_ptr<sbi::Http2Server> fake_arpf_;
};

/// Offers a new device, which comes to be in `state`.
ue_sim::Device onboard(Lab& lab, const DiscoveryImsi& dimsi, const std::function<void(const ue_sim::Device&)>& before = nullptr,
                       const std::string& state = "PRELOADED", int status = 201) {
  const base::Time now = base::system_now();
  const ue_sim::Factory factory(ue_sim::load_part_number(lab.pki()), crypto::Certificate::load(lab.pki() + "/arpf-ecka.pem"), now);
  ue_sim::Device device = factory.personalise(dimsi);
  if (before) before(device);
  const json credentials{{"token", base::to_base64(device.token)},
                         {"seCertificate", base::to_base64(device.se_certificate)},
                         {"pnCertificate", base::to_base64(factory.part_number().certificate.der())},
                         {"ciCertificate", base::to_base64(factory.part_number().issuer.der())}};
  const json offer{{"arpfs", {{{"uri", lab.arpf_uri()}, {"seCredentials", credentials}}}}};
  const json answer = lab.call(lab.ausf_ext_uri(), "PUT", "/nausfext-onboarding/v1/devices/" + dimsi.digits(), offer, status);
  REQUIRE(answer["state"] == state);
  return device;
}

json challenge(Lab& lab, const std::string& root, const std::string& supi) {
  return lab.call(root, "POST", "/nausf-auth/v1/ue-authentications", {{"supiOrSuci", supi}, {"servingNetworkName", kServingNetwork}}, 201);
}

std::array<std::uint8_t, 16> octets(const json& context, const char* name) {
  return *base::from_hex_exactly<16>(context["5gAuthData"][name].get<std::string>());
}

/// Attaches the device and collects every key that came to be on the way.
void attach(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const auto hn_a = ue_sim::read_home_network_key("1:A:" + lab.pki() + "/hn-a.pem");
  const auto hn_b = ue_sim::read_home_network_key("2:B:" + lab.pki() + "/hn-b.pem");
  const json first = challenge(lab, lab.d_ausf_uri(), ue_sim::suci_of(device.dimsi.imsi(), 2, hn_a));
  const auto receipt = ue_sim::take_imsi(device, octets(first, "rand"), octets(first, "autn"));
  REQUIRE(receipt);
  const profile::Imsi imsi = device.subscription->imsi;
  const std::string auts = base::to_hex(receipt->reveal());
  lab.call(lab.d_ausf_uri(), "POST", "/nausf-auth/v1/ue-authentications",
           {{"supiOrSuci", "imsi-" + device.dimsi.digits()},
            {"servingNetworkName", kServingNetwork},
            {"resynchronizationInfo", {{"rand", first["5gAuthData"]["rand"]}, {"auts", auts}}}},
           504);
  lab.call(lab.ausf_ext_uri(), "POST", "/nausfext-onboarding/v1/receipts",
           {{"dimsi", device.dimsi.digits()}, {"imsi", imsi.digits()}, {"auts", auts}, {"receivedAt", "2026-11-25T07:02:11.912Z"}}, 204);
  const json second = challenge(lab, lab.ausf_ext_uri(), ue_sim::suci_of(imsi, 2, hn_b));
  const auto keys = profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, imsi);
  const auto answer = aka::usim_authenticate(keys, octets(second, "rand"), octets(second, "autn"), device.subscription->sequence, kServingNetwork);
  const auto& proved = std::get<aka::Authenticated>(answer);
  const std::string href = second["_links"]["5g-aka"]["href"];
  const json confirmed = lab.call(lab.ausf_ext_uri(), "PUT", href.substr(href.find("/nausf-auth")),
                                  {{"resStar", base::to_hex(proved.res_star.reveal())}}, 200);
  REQUIRE(confirmed["authResult"] == "AUTHENTICATION_SUCCESS");
  const auto kseaf = aka::derive_kseaf(proved.kausf, kServingNetwork);
  REQUIRE(confirmed["kseaf"] == base::to_hex(kseaf.reveal()));

  secrets.add("eK", device.ephemeral_key.reveal());
  secrets.add("eKc", profile::derive_encryption_key(device.ephemeral_key, device.dimsi).reveal());
  secrets.add("eKi", profile::derive_integrity_key(device.ephemeral_key, device.dimsi).reveal());
  secrets.add("receipt", receipt->reveal());
  secrets.add("K", keys.k.reveal());
  secrets.add("OPc", keys.opc.reveal());
  secrets.add("CK", proved.ck.reveal());
  secrets.add("IK", proved.ik.reveal());
  secrets.add("XRES*", proved.res_star.reveal());
  secrets.add("KAUSF", proved.kausf.reveal());
  secrets.add("KSEAF", kseaf.reveal());
}

/// An attach with the IMSI in which all goes wrong that can: a wrong RES*, a challenge answered with its loss of synchronism, and at last
/// a sealed key that does not open. Collects the keys, as above.
void attach_with_faults(Lab& lab, ue_sim::Device& device, Secrets& secrets) {
  const json first = challenge(lab, lab.d_ausf_uri(), "imsi-" + device.dimsi.digits());
  REQUIRE(ue_sim::take_imsi(device, octets(first, "rand"), octets(first, "autn")));
  const profile::Imsi imsi = device.subscription->imsi;
  const std::string supi = "imsi-" + imsi.digits();
  const auto keys = profile::derive_subscriber_keys(device.ephemeral_key, device.dimsi, imsi);
  const auto answer_to = [&](const json& context) {
    return aka::usim_authenticate(keys, octets(context, "rand"), octets(context, "autn"), device.subscription->sequence, kServingNetwork);
  };
  const json second = challenge(lab, lab.ausf_ext_uri(), supi);
  const auto answer = answer_to(second);
  const auto& proved = std::get<aka::Authenticated>(answer);
  auto wrong = base::Bytes(proved.res_star.reveal().begin(), proved.res_star.reveal().end());
  wrong.back() ^= 1;
  const std::string href = second["_links"]["5g-aka"]["href"];
  const json refused = lab.call(lab.ausf_ext_uri(), "PUT", href.substr(href.find("/nausf-auth")), {{"resStar", base::to_hex(wrong)}}, 200);
  REQUIRE(refused["authResult"] == "AUTHENTICATION_FAILURE");

  const auto again = answer_to(second);  // no longer fresh
  const auto& lost = std::get<aka::SynchronisationFailure>(again);
  const json resynchronised =
      lab.call(lab.ausf_ext_uri(), "POST", "/nausf-auth/v1/ue-authentications",
               {{"supiOrSuci", supi},
                {"servingNetworkName", kServingNetwork},
                {"resynchronizationInfo", {{"rand", second["5gAuthData"]["rand"]}, {"auts", base::to_hex(lost.auts)}}}},
               201);
  const auto fresh = answer_to(resynchronised);
  const auto& proved_again = std::get<aka::Authenticated>(fresh);

  lab.spoil_sealed_key(device.dimsi);
  const json failed = lab.call(lab.ausf_ext_uri(), "POST", "/nausf-auth/v1/ue-authentications",
                               {{"supiOrSuci", supi}, {"servingNetworkName", kServingNetwork}}, 500);
  REQUIRE(failed["cause"] == "SYSTEM_FAILURE");

  secrets.add("eK", device.ephemeral_key.reveal());
  secrets.add("eKc", profile::derive_encryption_key(device.ephemeral_key, device.dimsi).reveal());
  secrets.add("eKi", profile::derive_integrity_key(device.ephemeral_key, device.dimsi).reveal());
  secrets.add("K", keys.k.reveal());
  secrets.add("OPc", keys.opc.reveal());
  secrets.add("the wrong RES*", wrong);
  for (const auto* one : {&proved, &proved_again}) {
    secrets.add("CK", one->ck.reveal());
    secrets.add("IK", one->ik.reveal());
    secrets.add("XRES*", one->res_star.reveal());
    secrets.add("KAUSF", one->kausf.reveal());
    secrets.add("KSEAF", aka::derive_kseaf(one->kausf, kServingNetwork).reveal());
  }
}

/// An ARPF's answer that is endorsed as it should be, but whose envelope has one bit changed: what was sealed in it is the device's eK.
sbi::Response answer_with_bad_envelope(const std::string& pki, const ue_sim::Device& device) {
  const auto content = base::concatenate(device.dimsi.tbcd(), device.ephemeral_key.reveal());
  base::Bytes envelope = crypto::envelop(content, crypto::Certificate::load(pki + "/operator.pem"));
  envelope.back() ^= 1;
  const base::Bytes endorsement =
      crypto::sign_detached(base::concatenate(device.token, envelope), crypto::Certificate::load(pki + "/arpf-ecdsa.pem"),
                            crypto::PrivateKey::load(pki + "/arpf-ecdsa.key"), base::system_now());
  const json body{{"dimsi", device.dimsi.digits()},
                  {"encryptedKey", base::to_base64(envelope)},
                  {"endorsement", base::to_base64(endorsement)}};
  return {200, sbi::kJson, body.dump()};
}

void add_private_keys(const std::string& pki, Secrets& secrets) {
  for (const char* name : {"arpf-ecka", "arpf-ecdsa", "operator", "ci", "pn"}) {
    secrets.add(std::string("private key ") + name, crypto::PrivateKey::load(pki + "/" + name + ".key").scalar().reveal());
  }
  // PKCS#8 of X25519 (RFC 8410) ends with the 32 octets of the key.
  std::string pem = test::read_text(pki + "/hn-a.key");
  pem = pem.substr(pem.find('\n') + 1);
  const auto der = base::from_base64(pem.substr(0, pem.find('\n')));
  REQUIRE(der);
  REQUIRE(der->size() == 48);
  secrets.add("home network key A", base::BytesView(*der).last(32));
  secrets.add("home network key B", crypto::PrivateKey::load(pki + "/hn-b.key").scalar().reveal());
  const auto kek = base::from_hex(test::read_text(pki + "/kek.hex").substr(0, 64));
  REQUIRE(kek);
  secrets.add("key-encryption key", *kek);
}

}  // namespace

TEST_CASE("the search for secrets finds each form of one", "[secrecy]") {
  Secrets secrets;
  const auto octets = crypto::sha256(base::as_bytes("a secret"));
  secrets.add("it", octets);
  CHECK(secrets.found_in("nothing of it").empty());
  CHECK(secrets.found_in("x" + base::to_hex(octets) + "x").size() == 1);
  CHECK(secrets.found_in(std::string("x") + std::string(base::as_text(octets))).size() == 1);
  for (const char* before : {"", "1", "12"}) {
    const auto beside = base::concatenate(base::as_bytes(before), octets, base::as_bytes("tail"));
    CHECK(secrets.found_in(base::to_base64(beside)).size() == 1);
  }
}

TEST_CASE("at debug level no key of an onboarding and two attaches is in any log or database", "[secrecy][step-0e][step-8]") {
  Lab lab;
  Secrets secrets;
  for (const char* digits : {"901700000000001", "901700000000002", "901700000000003"}) {
    ue_sim::Device device = onboard(lab, *DiscoveryImsi::from_digits(digits));
    attach(lab, device, secrets);
  }
  add_private_keys(lab.pki(), secrets);
  const std::string log = lab.log();
  REQUIRE(log.find("retrieve-key") != std::string::npos);  // the log is that of this run, and at debug level
  REQUIRE(log.find("5g-aka-confirmation") != std::string::npos);
  CHECK(secrets.size() == 3 * 11 + 8);
  CHECK(secrets.found_in(log).empty());
  CHECK(secrets.found_in(lab.databases()).empty());
}

TEST_CASE("nor is one of an attach with a wrong RES*, a resynchronisation, a sealed key that does not open, or a bad envelope",
          "[secrecy][step-0e][step-8]") {
  Lab lab;
  Secrets secrets;
  ue_sim::Device device = onboard(lab, *DiscoveryImsi::from_digits("901700000000001"));
  attach_with_faults(lab, device, secrets);

  sbi::Response bad;
  lab.replace_arpf([&bad](const sbi::Request&) { return bad; });
  const auto prepare = [&](const ue_sim::Device& made) { bad = answer_with_bad_envelope(lab.pki(), made); };
  const ue_sim::Device refused = onboard(lab, *DiscoveryImsi::from_digits("901700000000002"), prepare, "FAILED");
  secrets.add("eK in the bad envelope", refused.ephemeral_key.reveal());
  add_private_keys(lab.pki(), secrets);

  const std::string log = lab.log();
  REQUIRE(log.find("5g-aka-confirmation") != std::string::npos);
  REQUIRE(log.find("] error: ") != std::string::npos);  // the sealed key
  CHECK(secrets.size() == 6 + 2 * 5 + 1 + 8);
  CHECK(secrets.found_in(log).empty());
  CHECK(secrets.found_in(lab.databases()).empty());
}

#include "tests/scenarios/lab.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <csignal>

#include "lib/base/log.hpp"
#include "lib/sbi/http1_server.hpp"
#include "lib/sbi/http2_server.hpp"
#include "tests/support/patient_limits.hpp"

namespace test {

using boost::asio::ip::tcp;
using crypto::KeyUsage;

crypto::CertificateTemplate wanted_leaf(const std::string& name, KeyUsage usage) {
  crypto::CertificateTemplate wanted;
  wanted.common_name = name;
  wanted.organizations = {"Test Operator"};
  wanted.not_before = base::system_now() - std::chrono::hours(1);
  wanted.not_after = base::system_now() + std::chrono::hours(24 * 3650);
  wanted.key_usages = {usage};
  return wanted;
}

crypto::CertificateTemplate wanted_ca(const std::string& name) {
  auto wanted = wanted_leaf(name, KeyUsage::key_cert_sign);
  wanted.key_usages.push_back(KeyUsage::crl_sign);
  wanted.is_ca = true;
  return wanted;
}

Party make_party(const crypto::CertificateTemplate& wanted, const Party* issuer, crypto::Curve curve) {
  auto key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(curve));
  auto certificate = crypto::issue(wanted, key->public_key(), issuer != nullptr ? *issuer->key : *key,
                                   issuer != nullptr ? &issuer->certificate : nullptr);
  return {std::move(certificate), std::move(key)};
}

Party make_endorser(const std::string& uri, const Party& issuer) {
  auto wanted = wanted_leaf("ARPF ECDSA", KeyUsage::digital_signature);
  wanted.extended_key_usages = {"2.25.166299093133829758407982659247061036885"};
  wanted.uris = {uri};
  return make_party(wanted, &issuer);
}

std::string base64_of(const crypto::Certificate& certificate) { return base::to_base64(certificate.der()); }
std::string hex_key(const profile::EphemeralKey& key) { return base::to_hex(key.reveal()); }

json SecureElement::credentials() const {
  return {{"token", base::to_base64(token)},
          {"seCertificate", base64_of(own.certificate)},
          {"pnCertificate", base64_of(part_number)},
          {"ciCertificate", base64_of(issuer)}};
}

ue_sim::Device SecureElement::device() const {
  return {*profile::DiscoveryImsi::from_digits(dimsi), own.certificate.der(), token,
          profile::EphemeralKey(ephemeral_key->reveal()), std::nullopt};
}

std::string Answer::cause() const {
  const json document = json::parse(body, nullptr, false);
  return document.is_object() ? document.value("cause", "") : "";
}

std::string Answer::verdict() const {
  const std::string why = status >= 400 ? cause() : "";
  return std::to_string(status) + (why.empty() ? "" : " " + why);
}

std::vector<std::string> Answer::params() const {
  std::vector<std::string> out;
  const json document = json::parse(body, nullptr, false);
  if (!document.is_object() || !document.contains("invalidParams")) return out;
  for (const auto& item : document["invalidParams"]) out.push_back(item["param"]);
  return out;
}

std::string Answer::header(const std::string& name) const { return std::string(headers.find(name).value_or("")); }

Caller::Caller(std::shared_ptr<boost::asio::ssl::context> tls) : scheme_(tls ? "https" : "http") {
  loop_.run([&] { client_ = std::make_unique<sbi::Client>(loop_.io(), "TEST", tls); });
}

Caller::~Caller() {
  loop_.run([this] { client_.reset(); });
  loop_.stop();
}

Answer Caller::send(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
                    const HeaderList& headers) {
  Answer answer = send_raw(port, method, target, body, headers);
  const Exchange exchange{method, target, body, answer.status, answer.content_type, answer.body};
  const std::string fault = fault_of(exchange);
  CAPTURE(method, target, answer.status, answer.body);
  REQUIRE(fault == "");
  return answer;
}

Answer Caller::send_raw(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
                        const HeaderList& headers) {
  const auto uri = sbi::Uri::parse(scheme_ + "://127.0.0.1:" + std::to_string(port));
  sbi::Request request = sbi::make_request(method, uri, target);
  bool has_type = false;
  for (const auto& [name, value] : headers) {
    request.headers.add(name, value);
    has_type = has_type || name == "content-type";
  }
  if (!body.empty() && !has_type) request.headers.add("content-type", "application/json");
  request.body = body;
  const std::chrono::seconds deadline(20);
  auto sent = loop_.start(client_->send(uri, std::move(request), deadline));
  const sbi::Response response = get(sent, deadline + kDeadline);
  return {response.status, std::string(response.headers.find("content-type").value_or("")), response.headers, response.body};
}

Answer send_http1(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
                  const HeaderList& headers) {
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  const timeval patience{10, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  out += "\r\n" + body;
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(out), error);
  Answer answer;
  std::string in;
  std::size_t wanted = std::string::npos;
  while (in.size() < wanted) {
    char piece[16384];
    const std::size_t size = socket.read_some(boost::asio::buffer(piece), error);
    if (error) break;
    in.append(piece, size);
    const std::size_t end = in.find("\r\n\r\n");
    if (end == std::string::npos || wanted != std::string::npos) continue;
    answer.status = std::stoi(in.substr(9, 3));
    std::size_t length = 0;
    for (std::size_t line = in.find("\r\n") + 2; line < end + 2;) {
      const std::size_t stop = in.find("\r\n", line);
      const std::size_t colon = in.find(':', line);
      std::string name = in.substr(line, colon - line);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      const std::size_t value = in.find_first_not_of(' ', colon + 1);
      answer.headers.add(name, in.substr(value, stop - value));
      if (name == "content-length") length = std::stoul(in.substr(value, stop - value));
      line = stop + 2;
    }
    wanted = end + 4 + length;
    if (answer.status == 204) wanted = end + 4;
  }
  if (wanted != std::string::npos && in.size() >= wanted) answer.body = in.substr(in.find("\r\n\r\n") + 4);
  answer.content_type = answer.header("content-type");
  return answer;
}

struct FakePeer::State {
  Loop loop;
  sbi::Router router;
  std::unique_ptr<sbi::Http1Server> http1;
  std::unique_ptr<sbi::Http2Server> http2;
};

FakePeer::FakePeer(Http http, std::uint16_t port, const std::string& method, const std::string& pattern, Handle handle)
    : state_(std::make_unique<State>()) {
  state_->router.add(method, pattern, sbi::BodyKind::json, sbi::PlainHandler(std::move(handle)));
  if (http == Http::v1) {
    state_->http1 = std::make_unique<sbi::Http1Server>(state_->loop.io(), state_->router, patient_limits());
    state_->http1->listen("127.0.0.1", port);
    return;
  }
  state_->loop.run([&] {
    state_->http2 = std::make_unique<sbi::Http2Server>(state_->loop.io(), state_->router, patient_limits());
    state_->http2->listen("127.0.0.1", port, nullptr);
  });
}

FakePeer::~FakePeer() {
  if (state_->http1) state_->http1->stop();
  state_->http1.reset();
  if (state_->http2) state_->loop.run([this] { state_->http2.reset(); });
  state_->loop.stop();
}

namespace {

service::CommonConfig common(std::uint16_t port, const std::string& database) {
  service::CommonConfig config;
  config.http2 = {{"127.0.0.1", port, std::nullopt, std::nullopt}};
  config.http1 = {{"127.0.0.1", 0, std::nullopt, std::nullopt}};
  config.client_timeout = std::chrono::seconds(5);
  config.limits = patient_limits();
  config.database = database;
  return config;
}

crypto::CertificateTemplate wanted_part_number() {
  auto wanted = wanted_ca("PN");
  wanted.path_length = 0;
  return wanted;
}

}  // namespace

Lab::Lab()
    : ci(make_party(wanted_ca("CI"))),
      pn(make_party(wanted_part_number(), &ci)),
      agreement(make_party(wanted_leaf("ARPF ECKA", KeyUsage::key_agreement), &ci)),
      operator_ca(make_party(wanted_ca("Operator CA"))),
      mno(make_party(wanted_leaf("MNO", KeyUsage::key_agreement), &operator_ca)),
      arpf_port(free_port()),
      d_ausf_port(free_port()),
      ausf_port(free_port()),
      rsmf_port(free_port()),
      arpf_uri("http://127.0.0.1:" + std::to_string(arpf_port)),
      endorser(make_endorser(arpf_uri, ci)) {
  std::signal(SIGPIPE, SIG_IGN);
  base::log::open("scenario", "", base::log::Level::off);
}

Lab::~Lab() {
  ausf.reset();
  d_ausf.reset();
  arpf.reset();
}

Party Lab::make_se(const Party& part_number) const {
  return make_party(wanted_leaf("SE", KeyUsage::digital_signature), &part_number);
}

SecureElement Lab::make_device(const std::string& dimsi) const { return make_device(dimsi, pn, make_se(pn)); }

SecureElement Lab::make_device(const std::string& dimsi, const Party& part_number, Party se) const {
  SecureElement out{dimsi, std::move(se), part_number.certificate, ci.certificate, {}, nullptr};
  out.token = make_token(out, dimsi, *agreement.certificate.subject_key_id(), *out.own.key);
  return out;
}

base::Bytes Lab::make_token(SecureElement& device, const std::string& digits, const profile::ArpfKeyId& key_id,
                            const crypto::PrivateKey& signer) const {
  const auto dimsi = profile::DiscoveryImsi::from_digits(digits).value();
  const auto& arpf_key = agreement.certificate.public_key();
  const auto ephemeral = crypto::PrivateKey::generate(arpf_key.curve());
  const auto secret = crypto::agree(ephemeral, arpf_key);
  device.ephemeral_key =
      std::make_shared<const profile::EphemeralKey>(profile::derive_ephemeral_key(secret, dimsi, key_id));
  return profile::AttachToken::make(dimsi, key_id, ephemeral.public_key(), signer).der;
}

arpf::Config Lab::arpf_config() const {
  arpf::Config config;
  config.common = common(arpf_port, folder / "arpf.db");
  config.trust = std::make_shared<const arpf::Trust>(arpf::Trust{{ci.certificate},
                                                                 {operator_ca.certificate},
                                                                 std::make_shared<arpf::RevocationLists>(std::vector<std::string>(), arpf::RevocationLists::Lists()),
                                                                 {{agreement.certificate, agreement.key}},
                                                                 {endorser.certificate, endorser.key}});
  return config;
}

d_ausf::Config Lab::d_ausf_config() const {
  d_ausf::Config config;
  config.common = common(d_ausf_port, folder / "d-ausf.db");
  config.receipts.first_pause = std::chrono::milliseconds(20);
  config.receipts.longest_pause = std::chrono::milliseconds(100);
  return config;
}

ausf_ext::Config Lab::ausf_ext_config() const {
  ausf_ext::Config config;
  config.common = common(ausf_port, folder / "ausf-ext.db");
  config.key_encryption_key = std::make_shared<const crypto::KeyEncryptionKey>(crypto::random_octets<32>());
  config.operator_certificate = mno.certificate;
  config.operator_key = mno.key;
  config.arpfs = {{arpf_uri, ci.certificate}};
  config.d_ausf = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(d_ausf_port));
  config.notification_uri = sbi::Uri::parse("http://127.0.0.1:" + std::to_string(ausf_port));
  config.rsmf_uri = "http://127.0.0.1:" + std::to_string(rsmf_port) + "/notifications";
  config.pools = {{*profile::Plmn::from("001", "01"), *profile::Imsi::from_digits("001010000000001"),
                   *profile::Imsi::from_digits("001010000009999")}};
  config.quarantine = std::chrono::seconds(86400);
  config.device_lifetime = std::chrono::seconds(86400);
  config.offer_wait = std::chrono::seconds(5);
  config.first_pause = std::chrono::milliseconds(20);
  config.longest_pause = std::chrono::milliseconds(100);
  config.context_lifetime = std::chrono::seconds(60);
  config.silent_after = std::chrono::seconds(20);  // a machine that does other things too is not silent
  config.max_in_flight = 32;
  return config;
}

void Lab::start_arpf(arpf::Config config) {
  arpf = std::make_unique<service::Running>(arpf::kProgram, arpf::make_function(std::move(config)));
}
void Lab::start_d_ausf(d_ausf::Config config) {
  d_ausf = std::make_unique<service::Running>(d_ausf::kProgram, d_ausf::make_function(std::move(config)));
}
void Lab::start_ausf_ext(ausf_ext::Config config) {
  ausf = std::make_unique<service::Running>(ausf_ext::kProgram, ausf_ext::make_function(std::move(config)));
}
void Lab::start_all() {
  start_arpf();
  start_d_ausf();
  start_ausf_ext();
}

json Lab::offer(const SecureElement& device, const std::vector<std::string>& uris) {
  json arpfs = json::array();
  for (const auto& uri : uris) arpfs.push_back({{"uri", uri}, {"seCredentials", device.credentials()}});
  return {{"arpfs", arpfs}};
}

json Lab::key_request(const SecureElement& device) const {
  return {{"seCredentials", device.credentials()}, {"operatorCertificate", base64_of(mno.certificate)}};
}

namespace {
std::string text_of(const json& body) { return body.is_null() ? "" : body.dump(); }
}  // namespace

Answer Lab::to_arpf(const std::string& method, const std::string& target, const json& body) {
  return caller.send(arpf_port, method, target, text_of(body));
}
Answer Lab::to_d_ausf(const std::string& method, const std::string& target, const json& body, const HeaderList& headers) {
  return caller.send(d_ausf_port, method, target, text_of(body), headers);
}
Answer Lab::to_ausf(const std::string& method, const std::string& target, const json& body, const HeaderList& headers) {
  return caller.send(ausf_port, method, target, text_of(body), headers);
}

Answer Lab::retrieve(const SecureElement& device, const json& request) {
  return to_arpf("POST", "/narpf-keys/v1/devices/" + device.dimsi + "/retrieve-key", request);
}

json Lab::wait_for(const std::string& dimsi, const std::function<bool(const json&)>& is_wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (true) {
    json device = to_ausf("GET", "/nausfext-onboarding/v1/devices/" + dimsi).content();
    if (is_wanted(device) || std::chrono::steady_clock::now() > deadline) return device;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // for the functions, whose cores these are
  }
}

json Lab::wait_for_state(const std::string& dimsi, const std::string& state) {
  return wait_for(dimsi, [&state](const json& device) { return device["state"] == state; });
}

}  // namespace test

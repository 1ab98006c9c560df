#include "tests/secrecy/secrecy_lab.hpp"

#include <catch2/catch.hpp>

#include "lib/base/log.hpp"
#include "lib/store/database.hpp"
#include "nf-arpf/function.hpp"
#include "nf-ausf-ext/function.hpp"
#include "nf-d-ausf/function.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/patient_limits.hpp"
#include "ue-sim/pki.hpp"

namespace secrecy {
namespace {

template <class Make>
std::unique_ptr<service::Running> run(const service::Program& program, Make make, const std::string& yaml) {
  const auto document = service::YamlDocument::parse(yaml, program.section + ".yaml");
  return std::make_unique<service::Running>(program, make(document));
}

std::size_t count(const std::string& text, std::string_view wanted) {
  std::size_t out = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++out;
  return out;
}

}  // namespace

Lab::Lab()
    : log_(folder_ / "log"),
      pki_(folder_ / "pki"),
      arpf_("http://127.0.0.1:" + std::to_string(test::free_port())),
      client_(loop_.io(), "AMF", nullptr) {
  base::log::open("secrecy", log_, base::log::Level::debug);
  ue_sim::PkiRequest request;
  request.directory = pki_;
  request.arpf_uri = arpf_;
  ue_sim::make_pki(request);
  (void)folder_.write("x.db.nf-instance-id", std::string(kConsumer) + "\n");
}

Lab::~Lab() {
  loop_.run([this] {
    client_.close();
    fake_arpf_.reset();
  });
  loop_.stop();
}

void Lab::start(const Options& options) {
  arpf_function_ = run(arpf::kProgram, [](const auto& document) { return arpf::make_function(document); }, arpf_yaml(options));
  d_ausf_function_ = run(d_ausf::kProgram, [](const auto& document) { return d_ausf::make_function(document); }, d_ausf_yaml(options));
  ausf_ext_function_ = run(ausf_ext::kProgram, [](const auto& document) { return ausf_ext::make_function(document); }, ausf_ext_yaml(options));
}

void Lab::fail_to_start(const Options& options) {
  try {
    start(options);
  } catch (const service::ConfigError& error) {
    refusals_ += std::string(error.what()) + "\n";
    return;
  }
  FAIL("it starts");
}

sbi::Response Lab::send(const std::string& root, const std::string& method, const std::string& target, const std::string& body,
                        const std::string& authorization) {
  const sbi::Uri uri = sbi::Uri::parse(root);
  sbi::Request request = sbi::make_request(method, uri, target, body);
  if (!authorization.empty()) request.headers.add("authorization", authorization);
  sbi::Response response = loop_.await(client_.send(uri, std::move(request), test::kDeadline));
  if (response.status < 400) return response;
  refusals_ += method + ": " + std::to_string(response.status) + "\n";
  for (const sbi::Header& field : response.headers.fields()) refusals_ += field.name + ": " + field.value + "\n";
  refusals_ += response.body + "\n";
  return response;
}

json Lab::call(const std::string& root, const std::string& method, const std::string& target, const json& body, int status) {
  const sbi::Response response = send(root, method, target, body.is_null() ? "" : body.dump());
  INFO(method << " " << target << ": " << response.body);
  REQUIRE(response.status == status);
  return response.body.empty() ? json() : json::parse(response.body);
}

void Lab::spoil_sealed_key(const DiscoveryImsi& dimsi) {
  auto database = store::Database::open(folder_ / "x.db");
  database.run("UPDATE devices SET ephemeral_key = randomblob(length(ephemeral_key)) WHERE dimsi = $1", dimsi.packed());
}

void Lab::replace_arpf(std::function<sbi::Response(const sbi::Request&)> answer) {
  metrics_of_replaced_ = send(arpf_, "GET", "/metrics").body;
  arpf_function_.reset();
  fake_routes_.add("POST", "/narpf-keys/v1/devices/{dimsi}/retrieve-key", sbi::BodyKind::json, sbi::PlainHandler(std::move(answer)));
  loop_.run([this] {
    fake_arpf_ = std::make_unique<sbi::Http2Server>(loop_.io(), fake_routes_, test::patient_limits());
    fake_arpf_->listen("127.0.0.1", static_cast<std::uint16_t>(std::stoul(sbi::Uri::parse(arpf_).port)), nullptr);
  });
}

std::string Lab::databases() const {
  std::string all;
  for (const char* name : {"a.db", "a.db-wal", "d.db", "d.db-wal", "x.db", "x.db-wal"}) all += test::read_text(folder_ / name);
  return all;
}

Traces Lab::end() {
  Traces out;
  out.metrics = metrics_of_replaced_;
  for (Running* running : {&arpf_function_, &d_ausf_function_, &ausf_ext_function_}) {
    if (*running) out.metrics += send(at(**running), "GET", "/metrics").body;
  }
  ausf_ext_function_.reset();
  d_ausf_function_.reset();
  arpf_function_.reset();
  for (const char* name : {"a.audit", "d.audit", "x.audit"}) out.audits += test::read_text(folder_ / name);
  out.log = test::read_text(log_);
  out.refusals = refusals_;
  return out;
}

std::string Lab::sbi_yaml(const std::string& port, const std::string& audience, const Options& options) const {
  std::string out = "  sbi:\n    limits: {max_wait_ms: 20000}\n    server: [{address: 127.0.0.1, port: " + port + "}]\n";
  if (options.nrf.empty()) return out;
  return out + "    oauth2: {mode: optional, issuer: " + options.nrf_id + ", audiences: [" + audience + "], keys: [{file: " + options.nrf_certificate + ", algorithm: ES256}]}\n";
}

std::string Lab::home_network_keys() const {
  return "  home_network_keys: [{id: 1, scheme: A, private_key: " + pki_ + "/hn-a.key}, {id: 2, scheme: B, private_key: " + pki_ + "/hn-b.key}]\n";
}

std::string Lab::arpf_yaml(const Options& options) const {
  const std::string agreement_key = options.agreement_key.empty() ? pki_ + "/arpf-ecka.key" : options.agreement_key;
  std::string out = "arpf:\n  uri: " + arpf_ + "\n  database: " + folder_ / "a.db" + "\n  audit: {file: " + folder_ / "a.audit" + "}\n" +
                    sbi_yaml(sbi::Uri::parse(arpf_).port, "ARPF", options) + "  agreement_keys: [{certificate: " + pki_ +
                    "/arpf-ecka.pem, private_key: \"" + agreement_key + "\"}]\n  endorsement_key: {certificate: " + pki_ +
                    "/arpf-ecdsa.pem, private_key: " + pki_ + "/arpf-ecdsa.key}\n  agreed_issuers: [" + pki_ +
                    "/ci.pem]\n  operator_issuers: [" + pki_ + "/operator-ca.pem]\n";
  if (!options.nrf.empty()) out += std::string("  operators: [{peer: ") + kConsumer + ", operator: Example MNO}]\n";
  if (!options.hsm_module.empty()) out += "pkcs11: {module: " + options.hsm_module + ", pin_file: " + options.hsm_pin_file + "}\n";
  return out;
}

std::string Lab::d_ausf_yaml(const Options& options) const {
  std::string out = "d_ausf:\n  database: " + folder_ / "d.db" + "\n  audit: {file: " + folder_ / "d.audit" + "}\n" + sbi_yaml("0", "AUSF", options) +
                    home_network_keys();
  if (!options.nrf.empty()) out += std::string("  owners: [{peer: ") + kConsumer + "}]\n";
  return out;
}

std::string Lab::ausf_ext_yaml(const Options& options) const {
  std::string out = "ausf_ext:\n  database: " + folder_ / "x.db" + "\n  audit: {file: " + folder_ / "x.audit" + "}\n  key_encryption_key: " + pki_ +
                    "/kek.hex\n" + sbi_yaml("0", "UDM", options) + "  operator: {certificate: " + pki_ + "/operator.pem, private_key: " + pki_ +
                    "/operator.key}\n  arpfs: [{uri: \"" + arpf_ + "\", issuer: " + pki_ + "/ci.pem}]\n  d_ausf: {uri: \"" + at(*d_ausf_function_) +
                    "\"}\n  rsmf: {uri: \"http://127.0.0.1:1/\"}\n  imsi_pools: [{mcc: \"001\", mnc: \"01\", from: \"001010000000001\", " +
                    "to: \"001010000000009\"}]\n  authentication: {method: " + options.method + "}\n  onboarding: {first_pause_ms: 20}\n" +
                    home_network_keys();
  if (!options.nrf.empty()) out += "  client: {oauth2: true, nrf: [{uri: \"" + options.nrf + "\"}]}\n  nrf: {first_pause_ms: 20}\n";
  return out;
}

Traces check_nothing_is_told(Lab& lab, const Secrets& secrets) {
  Traces traces = lab.end();
  REQUIRE(traces.log.find("retrieve-key") != std::string::npos);  // it is that of this run, and at debug level
  REQUIRE(count(traces.audits, "\"action\":\"START\"") == 3);
  REQUIRE(count(traces.audits, "\"action\":\"STOP\"") == 3);
  REQUIRE(count(traces.metrics, "first_attach_build_info{") == 3);
  REQUIRE(traces.refusals.find("application/problem+json") != std::string::npos);
  CHECK(secrets.found_in(traces.log).empty());
  CHECK(secrets.found_in(traces.audits).empty());
  CHECK(secrets.found_in(traces.metrics).empty());
  CHECK(secrets.found_in(traces.refusals).empty());
  return traces;
}

}  // namespace secrecy

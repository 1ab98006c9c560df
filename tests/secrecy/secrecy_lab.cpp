#include "tests/secrecy/secrecy_lab.hpp"

#include <catch2/catch.hpp>

#include "lib/base/log.hpp"
#include "lib/store/database.hpp"
#include "nf-arpf/function.hpp"
#include "nf-ausf-ext/config.hpp"
#include "nf-ausf-ext/function.hpp"
#include "nf-d-ausf/function.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/patient_limits.hpp"
#include "ue-sim/pki.hpp"

namespace secrecy {
namespace {

service::YamlDocument document_of(const service::Program& program, const std::string& yaml) {
  return service::YamlDocument::parse(yaml, program.section + ".yaml");
}

/// The addresses of loopback that the lab's certificates of TLS are for (ue-sim/pki.cpp).
constexpr const char* kArpfAddress = "127.0.0.30";
constexpr const char* kDAusfAddress = "127.0.0.40";
constexpr const char* kAusfExtAddress = "127.0.0.50";

std::string uri_at(Wire wire, const std::string& address) {
  return (wire == Wire::tls ? "https://" : "http://") + address + ":" + std::to_string(test::free_port());
}

std::size_t count(const std::string& text, std::string_view wanted) {
  std::size_t out = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++out;
  return out;
}

}  // namespace

Lab::Lab(Wire wire)
    : has_tls_(wire == Wire::tls),
      log_(folder_ / "log"),
      pki_(folder_ / "pki"),
      arpf_(uri_at(wire, kArpfAddress)),
      d_ausf_(uri_at(wire, kDAusfAddress)),
      ausf_ext_(uri_at(wire, kAusfExtAddress)),
      client_(loop_.io(), "AMF", nullptr) {
  base::log::open("secrecy", log_, base::log::Level::debug);
  ue_sim::PkiRequest request;
  request.directory = pki_;
  request.arpf_uri = arpf_;
  ue_sim::make_pki(request);
  if (has_tls_) loop_.run([this] { client_.use_tls(sbi::make_client_context(tls_files("tls-ue-sim"))); });
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
  // What is wrong with a configuration is found before anything runs.
  const auto arpf = arpf::make_function(document_of(arpf::kProgram, arpf_yaml(options)));
  const auto d_ausf = d_ausf::make_function(document_of(d_ausf::kProgram, d_ausf_yaml(options)));
  const service::YamlDocument document = document_of(ausf_ext::kProgram, ausf_ext_yaml(options));
  ausf_ext::Config config = ausf_ext::read_config(document.root());  // once: a descriptor of a key is read to its end
  document.finish();
  key_box_.emplace(config.key_encryption_key);
  const auto ausf_ext = ausf_ext::make_function(std::move(config));
  arpf_function_ = std::make_unique<service::Running>(arpf::kProgram, arpf);
  d_ausf_function_ = std::make_unique<service::Running>(d_ausf::kProgram, d_ausf);
  ausf_ext_function_ = std::make_unique<service::Running>(ausf_ext::kProgram, ausf_ext);
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
    const auto tls = has_tls_ ? sbi::make_server_context(tls_files("tls-arpf")) : nullptr;
    fake_arpf_->listen(kArpfAddress, static_cast<std::uint16_t>(std::stoul(sbi::Uri::parse(arpf_).port)), tls);
  });
}

void Lab::add_keys_at_rest(Secrets& secrets) const {
  for (const char* file : {"d.db", "x.db"}) {
    auto database = store::Database::open(folder_ / file, store::Database::Mode::read_only);
    auto rows = database.query("SELECT name, value FROM secrets WHERE name IN ('context-key', 'relay-key')");
    std::size_t count_of_file = 0;
    for (; rows.next(); ++count_of_file) {
      const std::string name = rows.text(0);
      if (std::string_view(file) == "d.db") secrets.add(name + " of " + file, rows.blob(1));
      else secrets.add(name + " of " + file, key_box_->open_own(rows.blob(1), name).value().reveal());
    }
    REQUIRE(count_of_file == 2);
  }
}

std::string Lab::databases() const {
  std::string all;
  for (const char* name : {"a.db", "a.db-wal", "d.db", "d.db-wal", "x.db", "x.db-wal"}) all += test::read_text(folder_ / name);
  return all;
}

Traces Lab::end() {
  Traces out;
  out.metrics = metrics_of_replaced_;
  if (arpf_function_) out.metrics += send(arpf_, "GET", "/metrics").body;
  for (const std::string& uri : {d_ausf_, ausf_ext_}) out.metrics += send(uri, "GET", "/metrics").body;
  ausf_ext_function_.reset();
  d_ausf_function_.reset();
  arpf_function_.reset();
  for (const char* name : {"a.audit", "d.audit", "x.audit"}) out.audits += test::read_text(folder_ / name);
  out.log = test::read_text(log_);
  out.refusals = refusals_;
  return out;
}

sbi::TlsFiles Lab::tls_files(const std::string& name) const {
  return {pki_ + "/" + name + ".pem", pki_ + "/" + name + ".key", pki_ + "/tls-ca.pem", true};
}

std::string Lab::tls_yaml(const std::string& name, const std::string& private_key) const {
  const sbi::TlsFiles files = tls_files(name);
  const std::string& key = private_key.empty() ? files.private_key : private_key;
  return "tls: {certificate: " + files.certificate + ", private_key: " + key + ", ca: " + files.ca + "}";
}

std::string Lab::private_key(const std::string& name, const Options& options) const {
  return options.hsm_module.empty() ? pki_ + "/" + name + ".key" : "\"pkcs11:token=arpf;object=" + name + ";type=private\"";
}

/// `tls`: as tls_yaml() has it.
std::string Lab::sbi_yaml(const std::string& uri, const std::string& tls, const std::string& audience, const Options& options) const {
  const sbi::Uri own = sbi::Uri::parse(uri);
  const std::string listener = "{address: " + own.host + ", port: " + own.port + (has_tls_ ? ", " + tls : "") + "}";
  const std::string out = "  sbi:\n    limits: {max_wait_ms: 20000}\n    server: [" + listener + "]\n";
  if (options.nrf.empty()) return out;
  return out + "    oauth2: {mode: optional, issuer: " + options.nrf_id + ", audiences: [" + audience + "], keys: [{file: " + options.nrf_certificate + ", algorithm: ES256}]}\n";
}

/// `client`, of a function with this name of its TLS files; empty if it needs nothing of it.
std::string Lab::client_yaml(const std::string& name, const Options& options) const {
  std::string out;
  if (has_tls_) out += "    " + tls_yaml(name) + "\n";
  if (!options.nrf.empty()) out += "    oauth2: true\n    nrf: [{uri: \"" + options.nrf + "\"}]\n";
  return out.empty() ? "" : "  client:\n" + out;
}

std::string Lab::pkcs11_yaml(const Options& options) {
  return options.hsm_module.empty() ? "" : "pkcs11: {module: " + options.hsm_module + ", pin_file: " + options.hsm_pin_file + "}\n";
}

std::string Lab::home_network_keys() const {
  return "  home_network_keys: [{id: 1, scheme: A, private_key: " + pki_ + "/hn-a.key}, {id: 2, scheme: B, private_key: " + pki_ + "/hn-b.key}]\n";
}

std::string Lab::arpf_yaml(const Options& options) const {
  std::string out = "arpf:\n  uri: " + arpf_ + "\n  database: " + folder_ / "a.db" + "\n  audit: {file: " + folder_ / "a.audit" + "}\n" +
                    sbi_yaml(arpf_, tls_yaml("tls-arpf", options.arpf_tls_key), "ARPF", options) + "  agreement_keys: [{certificate: " + pki_ +
                    "/arpf-ecka.pem, private_key: " + private_key("arpf-ecka", options) + "}]\n  endorsement_key: {certificate: " + pki_ +
                    "/arpf-ecdsa.pem, private_key: " + private_key("arpf-ecdsa", options) + "}\n  agreed_issuers: [" + pki_ +
                    "/ci.pem]\n  operator_issuers: [" + pki_ + "/operator-ca.pem]\n";
  if (options.asks_for_authorization) out += "  offer_authorization: {service_providers: [" + pki_ + "/service-provider.pem]}\n";
  if (!options.nrf.empty()) out += std::string("  operators: [{peer: ") + kConsumer + ", operator: Example MNO}]\n";
  if (has_tls_) out += "  operators: [{peer: ausf-ext.lab, operator: Example MNO}]\n  administrators: [ue-sim.lab]\n";
  return out + pkcs11_yaml(options);
}

std::string Lab::d_ausf_yaml(const Options& options) const {
  std::string out = "d_ausf:\n  database: " + folder_ / "d.db" + "\n  audit: {file: " + folder_ / "d.audit" + "}\n" +
                    sbi_yaml(d_ausf_, tls_yaml("tls-d-ausf"), "AUSF", options) + home_network_keys();
  if (!options.nrf.empty()) out += std::string("  owners: [{peer: ") + kConsumer + ", all_dimsis: true}]\n";
  if (!has_tls_) return out;
  return out + "  client: {" + tls_yaml("tls-d-ausf") + "}\n  owners: [{peer: ausf-ext.lab, dimsi_ranges: [{from: \"901700000000000\", to: \"901709999999999\"}]}]\n" +
         "  access: [{peer: ue-sim.lab, as: [access_network, ausf]}]\n";
}

std::string Lab::ausf_ext_yaml(const Options& options) const {
  const std::string key = options.key_encryption_key.empty() ? pki_ + "/kek.hex" : options.key_encryption_key;
  std::string out = "ausf_ext:\n  database: " + folder_ / "x.db" + "\n  audit: {file: " + folder_ / "x.audit" + "}\n  key_encryption_key: " + key +
                    "\n" + sbi_yaml(ausf_ext_, tls_yaml("tls-ausf-ext"), "UDM", options) + client_yaml("tls-ausf-ext", options) +
                    "  operator: {certificate: " + pki_ + "/operator.pem, private_key: " + private_key("operator", options) +
                    "}\n  arpfs: [{uri: \"" + arpf_ + "\", issuer: " + pki_ + "/ci.pem}]\n  d_ausf: {uri: \"" + d_ausf_ +
                    "\"}\n  rsmf: {uri: \"http://127.0.0.1:1/\"}\n  imsi_pools: [{mcc: \"001\", mnc: \"01\", from: \"001010000000001\", " +
                    "to: \"001010000000009\"}]\n  authentication: {method: " + options.method + "}\n  onboarding: {first_pause_ms: 20}\n" +
                    home_network_keys();
  if (!options.nrf.empty()) out += "  nrf: {first_pause_ms: 20}\n";
  if (has_tls_) out += "  access: [{peer: ue-sim.lab, as: [service_provider, access_network, ausf, rsmf, d_ausf]}]\n";
  return out + pkcs11_yaml(options);
}

Traces check_nothing_is_told(Lab& lab, const Secrets& secrets) {
  Secrets all = secrets;
  lab.add_keys_at_rest(all);
  Traces traces = lab.end();
  REQUIRE(traces.log.find("retrieve-key") != std::string::npos);  // it is that of this run, and at debug level
  REQUIRE(count(traces.audits, "\"action\":\"START\"") == 3);
  REQUIRE(count(traces.audits, "\"action\":\"STOP\"") == 3);
  REQUIRE(count(traces.metrics, "first_attach_build_info{") == 3);
  REQUIRE(traces.refusals.find("application/problem+json") != std::string::npos);
  CHECK(all.found_in(traces.log).empty());
  CHECK(all.found_in(traces.audits).empty());
  CHECK(all.found_in(traces.metrics).empty());
  CHECK(all.found_in(traces.refusals).empty());
  return traces;
}

}  // namespace secrecy

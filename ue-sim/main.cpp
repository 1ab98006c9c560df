#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>

#include "lib/base/core_dumps.hpp"
#include "ue-sim/report.hpp"

namespace {

constexpr const char* kSummary =
    "A device (UE with Secure Element), the service provider and the access network's view, for labs.\n"
    "The steps are those of the first-attach profile, 0-a to 11. Exit status: 0 only if everything succeeded.";

/// Client TLS, for every command that connects.
void add_tls(CLI::App& command, sbi::TlsFiles& tls) {
  command.add_option("--tls-ca", tls.ca, "CA that https peers are verified against, PEM");
  auto* certificate = command.add_option("--tls-certificate", tls.certificate, "own certificate, PEM");
  auto* key = command.add_option("--tls-private-key", tls.private_key, "its private key, PEM");
  certificate->needs(key);
  key->needs(certificate);
}

/// What a UE conceals its identities to, for the commands that attach.
void add_home_network_keys(CLI::App& command, std::string& of_d_ausf, std::string& of_ausf_ext) {
  command.add_option("--home-network-key", of_d_ausf, "conceal the dIMSI to this public key of the D-AUSF, ID:SCHEME:FILE\n"
                     "(as 1:A:lab/pki/hn-a.pem); without it: the null scheme");
  command.add_option("--imsi-home-network-key", of_ausf_ext, "likewise the IMSI, to a public key of the target AUSF");
}

CLI::App* add_command(CLI::App& app, bool& is_json, const char* name, const char* summary) {
  CLI::App* command = app.add_subcommand(name, summary);
  command->add_flag("--json", is_json, "machine-readable output");
  return command;
}

/// What the command line filled in, and the command that it chose.
struct Commands {
  bool is_json = false;
  std::string curve = "P-256";
  std::string listen;
  std::string until;
  ue_sim::PkiRequest pki;
  ue_sim::PersonaliseRequest personalise;
  ue_sim::OfferRequest offer;
  ue_sim::AttachRequest attach;
  ue_sim::RsmfRequest rsmf;
  ue_sim::DemoRequest demo;
};

void add_pki(CLI::App& app, Commands& to) {
  CLI::App* command = add_command(app, to.is_json, "pki", "make the certificates and keys of a lab");
  command->add_option("--out", to.pki.directory, "the directory")->required();
  command->add_option("--curve", to.curve, "of the profile's keys (TLS is always P-256)")
      ->check(CLI::IsMember({"P-256", "brainpoolP256r1", "P-384"}))
      ->capture_default_str();
  command->add_option("--operator", to.pki.operator_id, "organizationName of CERT.MNO, the operator id")
      ->capture_default_str();
  command->add_option("--arpf-uri", to.pki.arpf_uri, "subjectAltName URI of CERT.ARPF.ECDSA")->capture_default_str();
  command->add_flag("--force", to.pki.overwrite, "overwrite what is there");
}

void add_personalise(CLI::App& app, Commands& to) {
  auto& request = to.personalise;
  CLI::App* command =
      add_command(app, to.is_json, "personalise",
                  "steps 0-a to 0-c: make Secure Elements, their eK and tokens.\nThe device file holds eK, for "
                  "the simulator is the SE: mode 0600, keep it so. Old files are replaced.");
  command->add_option("--pki", request.pki, "directory made by `ue-sim pki`")->required();
  command->add_option("--dimsi", request.first_dimsi, "the first dIMSI")->required();
  command->add_option("--count", request.count, "how many devices")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--devices", request.device_file, "device file to write, JSON Lines; holds eK")->required();
  command->add_option("--ledger", request.ledger_file, "ledger to write, an offer a line")->required();
  auto* arpf = command->add_option("--arpf", request.arpf, "URI of the ARPF, whose CERT.ARPF.ECKA is fetched");
  auto* file = command->add_option("--arpf-certificate", request.arpf_certificate, "or the file with CERT.ARPF.ECKA");
  arpf->excludes(file);
  command->add_option("--arpf-uri", request.arpf_uri, "the ARPF's URI in the offers, if not that of --arpf");
  add_tls(*command, request.tls);
}

ue_sim::AuthorizationRequest& word_of(ue_sim::OfferRequest& request) {
  if (!request.authorization) request.authorization.emplace();
  return *request.authorization;
}

void add_offer(CLI::App& app, Commands& to) {
  auto& request = to.offer;
  CLI::App* command =
      add_command(app, to.is_json, "offer", "step 0-d: offer the devices of a ledger to the target AUSF");
  command->add_option("--ausf-ext", request.ausf_ext, "URI of nf-ausf-ext")->required();
  command->add_option("--ledger", request.ledger_file, "ledger made by `ue-sim personalise`")->required();
  command->add_option("--dimsi", request.dimsi, "only this device");
  command->add_flag("--import", request.is_import, "as one NDJSON import (several above 64 MiB)");
  command->add_option_function<unsigned>(
      "--wait", [&request](unsigned seconds) { request.wait = std::chrono::seconds(seconds); },
      "seconds to wait until all are PRELOADED or FAILED (60)");
  auto* given = command->add_option_function<std::string>(
      "--authorize", [&request](const std::string& operator_id) { word_of(request).operator_id = operator_id; },
      "authorize this operator (organizationName of CERT.MNO) in each offer, for an ARPF that asks for it");
  const auto from = [&](const char* option, std::string ue_sim::AuthorizationRequest::*member, const char* help) {
    command->add_option_function<std::string>(
        option, [&request, member](const std::string& file) { word_of(request).*member = file; }, help)->needs(given);
    given->needs(option);
  };
  from("--provider-certificate", &ue_sim::AuthorizationRequest::certificate, "the service provider's certificate, PEM");
  from("--provider-key", &ue_sim::AuthorizationRequest::private_key, "its private key, PEM");
  add_tls(*command, request.tls);
}

void add_attach(CLI::App& app, Commands& to) {
  auto& request = to.attach;
  CLI::App* command =
      add_command(app, to.is_json, "attach",
                  "steps 3 to 10: the first attach with the dIMSI, the second with the IMSI. A device that has an IMSI "
                  "already attaches with that alone, until the third failure in a row.\nWrites the device "
                  "file (which holds eK) anew, with IMSIs and sequence numbers.");
  command->add_option("--d-ausf", request.d_ausf, "URI of nf-d-ausf")->required();
  command->add_option("--ausf-ext", request.ausf_ext, "URI of nf-ausf-ext")->required();
  command->add_option("--devices", request.device_file, "device file made by `ue-sim personalise`")->required();
  command->add_option("--dimsi", request.dimsi, "only this device");
  command->add_option("--serving-network", request.serving_network_name, "serving network name")->capture_default_str();
  command->add_option("--dimsi-mnc-length", request.dimsi_mnc_length, "digits of the dIMSI's MNC")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str();
  command->add_option("--parallel", request.parallel, "devices at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_flag_function(
      "--no-receipt", [&request](std::int64_t) { request.is_receipt_sent = false; }, "an SE without receipts");
  add_home_network_keys(*command, request.home_network_key, request.imsi_home_network_key);
  add_tls(*command, request.tls);
}

void add_rsmf(CLI::App& app, Commands& to) {
  auto& request = to.rsmf;
  CLI::App* command =
      add_command(app, to.is_json, "rsmf", "step 11: the RSMF's endpoint, /notifications over HTTP/1.1, or HTTP/2 with TLS, until SIGTERM");
  command->add_option("--listen", to.listen, "ADDRESS:PORT")->required();
  auto* ausf_ext = command->add_option("--ausf-ext", request.ausf_ext, "URI of nf-ausf-ext, for --retire");
  command->add_flag("--retire", request.is_retiring, "retire each device that is notified")->needs(ausf_ext);
  command->add_flag("--insecure-beyond-loopback", request.may_be_in_clear, "the endpoint may be in clear beyond loopback");
  auto& server = request.server_tls;
  auto* certificate = command->add_option("--server-certificate", server.certificate, "of the endpoint: it has TLS then");
  auto* key = command->add_option("--server-private-key", server.private_key, "of that certificate")->needs(certificate);
  certificate->needs(key);
  command->add_option("--server-ca", server.ca, "whose certificates clients must show; absent: none")->needs(certificate);
  add_tls(*command, request.tls);
}

void add_demo(CLI::App& app, Commands& to) {
  auto& request = to.demo;
  CLI::App* command = add_command(app, to.is_json, "demo", "all steps, 0-a to 11, with every claim on the way checked");
  command->add_option("--pki", request.pki, "directory made by `ue-sim pki`")->required();
  command->add_option("--arpf", request.arpf, "URI of nf-arpf")->required();
  command->add_option("--arpf-uri", request.arpf_uri, "the ARPF's URI in the offers, if not that of --arpf");
  command->add_option("--d-ausf", request.d_ausf, "URI of nf-d-ausf")->required();
  command->add_option("--ausf-ext", request.ausf_ext, "URI of nf-ausf-ext")->required();
  command->add_option("--rsmf", request.rsmf, "URI of the RSMF's /notifications");
  command->add_option("--dimsi", request.first_dimsi, "the first dIMSI")->capture_default_str();
  command->add_option("--count", request.count, "how many devices")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--serving-network", request.serving_network_name, "serving network name")->capture_default_str();
  command->add_option("--dimsi-mnc-length", request.dimsi_mnc_length, "digits of the dIMSI's MNC")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str();
  command->add_option("--parallel", request.parallel, "devices at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option_function<unsigned>(
      "--deadline", [&request](unsigned seconds) { request.deadline = std::chrono::seconds(seconds); },
      "seconds that each wait for a state may take (30)");
  command->add_option("--until", to.until, "stop early: after step 2")->check(CLI::IsMember({"preloaded"}));
  command->add_flag("--skip-retire", request.is_retire_skipped, "stop before the device is retired");
  command->add_flag_function(
      "--no-receipt", [&request](std::int64_t) { request.is_receipt_sent = false; }, "an SE without receipts");
  add_home_network_keys(*command, request.home_network_key, request.imsi_home_network_key);
  add_tls(*command, request.tls);
}

/// Runs the command that was chosen; the exit status.
int run(const CLI::App& app, Commands& commands) {
  const bool is_json = commands.is_json;
  if (app.got_subcommand("pki")) {
    commands.pki.curve = crypto::curve_from_name(commands.curve);
    return ue_sim::report_pki(commands.pki, is_json);
  }
  if (app.got_subcommand("personalise")) return ue_sim::report_personalise(commands.personalise, is_json);
  if (app.got_subcommand("offer")) return ue_sim::report_offer(commands.offer, is_json);
  if (app.got_subcommand("attach")) return ue_sim::report_attach(commands.attach, is_json);
  if (app.got_subcommand("demo")) {
    commands.demo.is_until_preloaded = !commands.until.empty();
    return ue_sim::report_demo(commands.demo, is_json);
  }
  ue_sim::read_address(commands.listen, commands.rsmf);
  commands.rsmf.is_json = is_json;
  commands.rsmf.server_tls.verify_client = !commands.rsmf.server_tls.ca.empty();
  ue_sim::run_rsmf(commands.rsmf);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Commands commands;
  CLI::App app(kSummary, "ue-sim");
  app.set_version_flag("-v,--version", std::string("ue-sim ") + FIRST_ATTACH_VERSION);
  app.require_subcommand(1);
  add_pki(app, commands);
  add_personalise(app, commands);
  add_offer(app, commands);
  add_attach(app, commands);
  add_rsmf(app, commands);
  add_demo(app, commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    base::forbid_core_dumps();  // it has the keys of devices
    (void)unsetenv("SSLKEYLOGFILE");  // libcurl would write the secrets of its connections there
    return run(app, commands);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ue-sim: {}\n", error.what());
    return 1;
  }
}

// Two operators' CAs at one listener: each vouches for its own names (docs/THREAT_MODEL.md), over real sockets.
#include <catch2/catch.hpp>

#include "lib/base/log.hpp"
#include "tests/scenarios/tls_lab.hpp"

using namespace test;

namespace {

/// An ARPF that trusts CA A for names of a.example, and CA B for names of b.example.
struct TwoCas : TlsLab {
  TwoCas() {
    (void)folder.write("ca-a.crt", ca_a.certificate.pem());
    (void)folder.write("ca-b.crt", ca_b.certificate.pem());
    base::log::open("scenario", log, base::log::Level::warning);
    auto config = with_tls(arpf_config());
    auto& tls = config.common.http2.at(0).tls.value();
    tls.ca.clear();
    tls.cas = {{folder / "ca-a.crt", {"ausf.a.example", "*.amf.a.example"}, "arpf.sbi.server.tls.ca[0].names"},
               {folder / "ca-b.crt", {"ausf.b.example"}, "arpf.sbi.server.tls.ca[1].names"}};
    config.common.audit_file = folder / "arpf.audit";
    config.operators_by_peer = {{"ausf.a.example", "Test Operator"}, {"ausf.b.example", "Other Operator"}};
    start_arpf(config);
  }
  ~TwoCas() { base::log::open("scenario", "", base::log::Level::off); }

  /// What becomes of a retrieval for the operator of a.example by a peer whose certificate `issuer` made for this name.
  std::string retrieve_as(const std::string& name, const Party& issuer) {
    auto wanted = wanted_leaf("", crypto::KeyUsage::digital_signature);
    wanted.dns_names = {name};
    keep("peer", make_party(wanted, &issuer));
    const auto peer = make_caller(folder / "peer.crt", folder / "peer.key");
    return verdict(*peer, arpf_port, "POST", "/narpf-keys/v1/devices/" + device.dimsi + "/retrieve-key", key_request(device));
  }

  const std::string log = folder / "arpf.log";
  Party ca_a = make_party(wanted_ca("CA A"));
  Party ca_b = make_party(wanted_ca("CA B"));
  SecureElement device = make_device("901700000000001");
};

}  // namespace

TEST_CASE_METHOD(TwoCas, "A CA that issues the name of another operator's is turned away with it, and the log says why", "[tls][access]") {
  CHECK(retrieve_as("ausf.a.example", ca_b) == kTurnedAway);
  const std::string told = read_text(log);
  CHECK_THAT(told, Catch::Contains("turned away: its certificate is for the name ausf.a.example") && Catch::Contains("CN = CA B") &&
                       Catch::Contains("arpf.sbi.server.tls.ca[1].names"));
  CHECK_THAT(told, !Catch::Contains("CA A") && !Catch::Contains("ca[0]"));
  CHECK(retrieve_as("ausf.a.example", ca_a) == "200");
  CHECK(retrieve_as("ausf.b.example", ca_b) == "403 NOT_OWNER");  // known, and not this operator's
  CHECK(retrieve_as("ausf.b.example", ca_a) == kTurnedAway);
  CHECK(retrieve_as("ausf.c.example", ca_b) == kTurnedAway);
  arpf.reset();
  const std::string audited = read_text(folder / "arpf.audit");
  CHECK_THAT(audited, Catch::Contains(R"("action":"REFUSAL","outcome":"refused","peer":"anonymous")") &&
                          Catch::Contains("turned away: its certificate is for the name ausf.a.example, for which its CA (O = Test Operator, CN = CA B) may not vouch"));
}

TEST_CASE_METHOD(TwoCas, "A CA's names stay its own when the files are read again", "[tls][access]") {
  Party next = make_party(wanted_ca("CA A, the next"));
  CHECK(retrieve_as("ausf.a.example", next) == kTurnedAway);
  (void)folder.write("ca-a.crt", ca_a.certificate.pem() + next.certificate.pem());
  arpf->reload();
  CHECK(retrieve_as("ausf.a.example", next) == "200");
  CHECK(retrieve_as("ausf.a.example", ca_a) == "200");
  CHECK(retrieve_as("ausf.b.example", next) == kTurnedAway);
  CHECK(retrieve_as("ausf.a.example", ca_b) == kTurnedAway);
  (void)folder.write("ca-a.crt", "none");
  CHECK_THROWS_WITH(arpf->reload(), Catch::Contains("ca-a.crt: no CA certificate"));
  CHECK(retrieve_as("ausf.a.example", next) == "200");
}

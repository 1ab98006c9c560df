// Every peer that a function is configured to call, and how: not in clear beyond loopback, nor by TLS without what to verify it against.
#include "tests/scenarios/sound_yaml.hpp"

using test::SoundYaml;

namespace {

/// A peer of nf-ausf-ext.
struct ConfiguredPeer {
  std::string host;    ///< and port
  std::string place;   ///< of its URI, with the key
  bool is_of_client;   ///< called by the SBI client
  std::string leave;   ///< the section that says that it may be called in clear
};

const std::string kOtherPeers =
    "  notification_uri: 'http://127.0.0.50:7777'\n"
    "  authentication: {auth_events: ['http://127.0.0.12:7777']}\n"
    "  routing: {default: {target: uri, ausf: 'http://127.0.0.11:7777', udm: 'http://127.0.0.13:7777'}, entries: {plmn: {mcc: '001', mnc: '01'}, target: local}}\n";

const std::vector<ConfiguredPeer> kPeersOfAusfExt{
    {"127.0.0.50:7777", "x.yaml:4:21: ausf_ext.notification_uri: ", false, "client"},
    {"127.0.0.12:7777", "x.yaml:5:33: ausf_ext.authentication.auth_events: ", true, "client"},
    {"127.0.0.11:7777", "x.yaml:6:42: ausf_ext.routing.default.ausf: ", true, "client"},
    {"127.0.0.13:7777", "x.yaml:6:73: ausf_ext.routing.default.udm: ", true, "client"},
    {"127.0.0.30:7777", "x.yaml:11:16: ausf_ext.arpfs.uri: ", true, "client"},
    {"127.0.0.40:7777", "x.yaml:12:17: ausf_ext.d_ausf.uri: ", true, "client"},
    {"127.0.0.60:8080", "x.yaml:13:15: ausf_ext.rsmf.uri: ", false, "rsmf"},
};

const std::string kBehindInClear = " is beyond loopback and in clear: whoever is on the way reads and changes what goes there. Give an https URI, or say "
                                   "insecure_beyond_loopback: true in ";
const std::string kBehindWithoutTls = " needs client: tls, whose ca it is verified against";
const std::string kAllowed = "insecure_beyond_loopback: true, ";

}  // namespace

TEST_CASE_METHOD(SoundYaml, "nf-ausf-ext calls no peer beyond loopback in clear unless its configuration says so", "[ausf-ext][config][peers]") {
  const std::string sound = ausf_ext_yaml(kOtherPeers);
  CHECK(ausf_ext_problems(sound) == "");
  for (const ConfiguredPeer& peer : kPeersOfAusfExt) {
    CAPTURE(peer.place);
    const std::string beyond = test::changed(sound, "http://" + peer.host, "http://10.0.0.1:7777");
    CHECK(ausf_ext_problems(beyond) == peer.place + "http://10.0.0.1:7777" + kBehindInClear + peer.leave);
    const std::string client = test::changed(beyond, "client: {", "client: {" + kAllowed);
    const std::string rsmf = test::changed(beyond, "rsmf: {", "rsmf: {" + kAllowed);
    CHECK((ausf_ext_problems(client) == "") == (peer.leave == "client"));
    CHECK((ausf_ext_problems(rsmf) == "") == (peer.leave == "rsmf"));
  }
}

TEST_CASE_METHOD(SoundYaml, "nf-ausf-ext calls a peer by https only where it has a CA for that", "[ausf-ext][config][peers]") {
  const std::string sound = ausf_ext_yaml(kOtherPeers);
  const std::string with_tls = "client: {tls: {ca: " + pki("tls-ca.pem") + "}, ";
  for (const ConfiguredPeer& peer : kPeersOfAusfExt) {
    CAPTURE(peer.place);
    const std::string by_tls = test::changed(sound, "http://" + peer.host, "https://10.0.0.1:7777");
    CHECK(ausf_ext_problems(test::changed(by_tls, "client: {", with_tls)) == "");
    CHECK(ausf_ext_problems(by_tls) == (peer.is_of_client ? peer.place + "https://10.0.0.1:7777" + kBehindWithoutTls : ""));
  }
}

TEST_CASE_METHOD(SoundYaml, "An RSMF may be a public service: without a CA of its own it is held against the system's", "[ausf-ext][config][peers]") {
  const std::string own = "tls: {certificate: " + pki("tls-ausf-ext.pem") + ", private_key: " + pki("tls-ausf-ext.key") + "}";
  const std::string sound = ausf_ext_yaml("");
  CHECK(ausf_ext_problems(test::changed(sound, "rsmf: {uri: 'http://127.0.0.60:8080/", "rsmf: {" + own + ", uri: 'https://rsmf.example/")) == "");
  CHECK(ausf_ext_problems(test::changed(sound, "client: {", "client: {" + own + ", ")) ==
        "x.yaml:3:17: ausf_ext.client.tls.ca: is missing: the certificates that peers chain to, else every public CA could vouch for them");
}

TEST_CASE_METHOD(SoundYaml, "nf-d-ausf tells no owner beyond loopback in clear of receipts unless its configuration says so", "[d-ausf][config][peers]") {
  const auto owner = [](const std::string& origin) { return d_ausf_yaml("  owners: {peer: a, all_dimsis: true, notification_origin: '" + origin + "'}\n"); };
  const std::string place = "x.yaml:4:60: d_ausf.owners.notification_origin: ";
  CHECK(d_ausf_problems(owner("http://127.0.0.50:7777")) == "");
  const std::string beyond = owner("http://10.0.0.50:7777");
  CHECK(d_ausf_problems(beyond) == place + "http://10.0.0.50:7777" + kBehindInClear + "client");
  CHECK(d_ausf_problems(test::changed(beyond, "client: {", "client: {" + kAllowed)) == "");
  const std::string by_tls = owner("https://10.0.0.50:7777");
  CHECK(d_ausf_problems(by_tls) == place + "https://10.0.0.50:7777" + kBehindWithoutTls);
  CHECK(d_ausf_problems(test::changed(by_tls, "client: {", "client: {tls: {ca: " + pki("tls-ca.pem") + "}, ")) == "");
}

TEST_CASE_METHOD(SoundYaml, "A revocation list of no CA that is configured is told of, for it may be of none that there is", "[arpf][config]") {
  const bool is_ours = GENERATE(true, false);
  const std::string ca = is_ours ? "operator-ca" : "tls-ca";
  const auto issuer = crypto::Certificate::load(pki(ca + ".pem"));
  const auto key = crypto::PrivateKey::load(pki(ca + ".key"));
  const auto now = base::system_now();
  const auto list = crypto::issue_revocation_list(issuer, key, {}, now - std::chrono::hours(1), now + std::chrono::hours(1));
  const std::string path = write("a.crl", base::as_text(list.der()));
  const auto document = service::YamlDocument::parse(arpf_yaml("  revocation_lists: [" + path + "]\n"), "x.yaml");
  (void)arpf::read_config(document.root());
  CHECK_NOTHROW(document.finish());
  const auto warnings = document.warnings();
  CHECK(warnings.size() == (is_ours ? 0U : 1U));
  if (!is_ours) CHECK_THAT(warnings.at(0), Catch::StartsWith("x.yaml:4:21: arpf.revocation_lists: one of them is a list of none of"));
}

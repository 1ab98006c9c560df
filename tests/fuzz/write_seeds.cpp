// Writes the seeds of tests/fuzz/corpus: `fuzz-seeds FOLDER` (built by `ninja fuzz-seeds`). What is signed or enveloped differs each time;
// the rest does not.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "lib/aka/eap_aka_prime_peer.hpp"
#include "lib/aka/eap_aka_prime_server.hpp"
#include "lib/aka/suci_concealment.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/sbi/http2_session.hpp"
#include "tests/support/certificates.hpp"

namespace {

using base::Bytes;
using base::BytesView;
using crypto::Certificate;
using crypto::Curve;
using crypto::KeyUsage;
using crypto::PrivateKey;

/// The seeds of one target.
class Corpus {
 public:
  Corpus(const std::string& root, const std::string& target) : folder_(std::filesystem::path(root) / target) {
    std::filesystem::create_directories(folder_);
  }
  void add(const std::string& name, BytesView octets) const {
    std::ofstream out(folder_ / name, std::ios::binary);
    out << base::as_text(octets);
    if (!out) throw std::runtime_error((folder_ / name).string() + " cannot be written");
  }
  void add(const std::string& name, std::string_view text) const { add(name, base::as_bytes(text)); }

 private:
  std::filesystem::path folder_;
};

/// A length of two octets, and the octets: Input::part().
Bytes part(BytesView octets) {
  return base::concatenate(Bytes{static_cast<std::uint8_t>(octets.size() >> 8), static_cast<std::uint8_t>(octets.size() & 0xFF)}, octets);
}

PrivateKey key_of(std::uint8_t fill, Curve curve = Curve::p256) {
  return PrivateKey::from_scalar(curve, Bytes(curve == Curve::p384 ? 48 : 32, fill));
}

/// The PKI of a Secure Element: CI, EUM or part number, SE; one fixed key each.
struct Chain {
  Certificate issuer, part_number, secure_element;
};
Chain chain_of(Curve curve) {
  const PrivateKey issuer_key = key_of(0x21, curve);
  auto wanted = test::ca_template("CI");
  Certificate issuer = crypto::issue(wanted, issuer_key.public_key(), issuer_key, nullptr);
  wanted = test::ca_template("PN");
  wanted.path_length = 0;
  wanted.permitted_names = crypto::PermittedNames{"First Attach Test", "89049032"};
  const PrivateKey part_number_key = key_of(0x22, curve);
  Certificate part_number = crypto::issue(wanted, part_number_key.public_key(), issuer_key, &issuer);
  wanted = test::template_for("SE", {KeyUsage::digital_signature});
  wanted.serial_number = "89049032123451234512345678901235";
  wanted.extensions = {{"2.5.29.32", true, {0x30, 0x04, 0x30, 0x02, 0x06, 0x00}}};
  Certificate secure_element = crypto::issue(wanted, key_of(0x23, curve).public_key(), part_number_key, &part_number);
  return {std::move(issuer), std::move(part_number), std::move(secure_element)};
}

Bytes chain_seed(BytesView list, const Chain& chain) {
  return base::concatenate(part(list), part(chain.issuer.der()), part(chain.part_number.der()), part(chain.secure_element.der()));
}

void write_certificates(const std::string& root) {
  const Corpus chains(root, "certificate_chain_fuzz");
  const Corpus alone(root, "se_certificate_fuzz");
  const Chain chain = chain_of(Curve::p256);
  const std::array revoked{chain.secure_element};
  const auto list = [&](std::span<const Certificate> of) {
    return crypto::issue_revocation_list(chain.part_number, key_of(0x22), of, test::after_years(-1), test::after_years(1)).der();
  };
  chains.add("p256", chain_seed({}, chain));
  chains.add("p256-listed", chain_seed(list({}), chain));
  chains.add("p256-revoked", chain_seed(list(revoked), chain));
  chains.add("p384", chain_seed({}, chain_of(Curve::p384)));
  chains.add("brainpool", chain_seed({}, chain_of(Curve::brainpool_p256r1)));
  auto server = test::template_for("server", {KeyUsage::digital_signature});
  server.extended_key_usages = {std::string(crypto::kServerAuth), std::string(crypto::kClientAuth)};
  server.uris = {"http://arpf.lab"};
  server.dns_names = {"arpf.lab", "localhost"};
  server.ip_addresses = {"127.0.0.1", "::1"};
  const Certificate tls = crypto::issue(server, key_of(0x24).public_key(), key_of(0x24), nullptr);
  chains.add("server", base::concatenate(part({}), part(tls.der()), part(tls.der())));
  alone.add("gsma", chain.secure_element.der());
  auto plain = test::template_for("SE", {KeyUsage::digital_signature});
  const PrivateKey issuer_key = key_of(0x17);  // the target's issuer has this one
  const Certificate issuer = crypto::issue(test::ca_template("PN"), issuer_key.public_key(), issuer_key, nullptr);
  alone.add("plain", crypto::issue(plain, key_of(0x23).public_key(), issuer_key, &issuer).der());
}

void write_cms(const std::string& root) {
  const Corpus corpus(root, "cms_fuzz");
  const std::string content = "what is sealed";
  const auto own = crypto::issue(test::template_for("MNO", {KeyUsage::key_agreement}), key_of(0x17).public_key(), key_of(0x17), nullptr);
  const Bytes envelope = crypto::envelop(base::as_bytes(content), own);
  corpus.add("envelope", base::concatenate(Bytes{0}, part(own.der()), envelope));
  for (const Curve curve : {Curve::p256, Curve::p384}) {
    const PrivateKey key = key_of(0x18, curve);
    const auto signer = crypto::issue(test::template_for("ARPF", {KeyUsage::digital_signature}), key.public_key(), key, nullptr);
    const std::string name(crypto::name(curve));
    const BytesView octets = base::as_bytes(content);
    corpus.add("detached-" + name, base::concatenate(Bytes{1}, part(octets), crypto::sign_detached(octets, signer, key, test::kNow)));
    corpus.add("attached-" + name, base::concatenate(Bytes{1}, part(octets), crypto::sign_attached(octets, signer, key, test::kNow)));
  }
}

void write_tokens(const std::string& root) {
  const Corpus corpus(root, "attach_token_fuzz");
  const auto dimsi = profile::DiscoveryImsi::from_digits("901700000000001").value();
  for (const Curve curve : {Curve::p256, Curve::p384}) {
    const auto token = profile::AttachToken::make(dimsi, {1, 2, 3}, key_of(0x31, curve).public_key(), key_of(0x32, curve));
    corpus.add(std::string(crypto::name(curve)), token.der);
  }
}

void write_identities(const std::string& root) {
  const Corpus corpus(root, "suci_fuzz");
  const auto imsi = profile::Imsi::from_digits("001010000000001").value();
  const profile::Plmn home_network{"001", "01"};
  corpus.add("supi", aka::to_supi(imsi));
  corpus.add("null-scheme", aka::to_null_scheme_suci(imsi, home_network));
  const auto conceal = [&](crypto::EciesProfile profile, std::uint8_t id) {
    const auto key = crypto::EciesPrivateKey::from_octets(profile, Bytes(32, 0x17));  // the target's
    return aka::conceal(imsi, home_network, "0123", {id, key.public_key()}, crypto::EciesPrivateKey::from_octets(profile, Bytes(32, 0x29)));
  };
  corpus.add("profile-a", conceal(crypto::EciesProfile::a, 1));
  corpus.add("profile-b", conceal(crypto::EciesProfile::b, 2));
  corpus.add("reserved-scheme", "suci-0-208-930-17-E-255-00ffAA");
  corpus.add("changed-a", BytesView(Bytes{'!', 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 40}));
  corpus.add("changed-b", BytesView(Bytes{'!', 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 0}));
}

/// Steps of the target: `kind` and what it takes.
Bytes untouched(std::uint8_t kind) { return {kind, 0, 0, 0}; }
Bytes own(std::uint8_t kind, BytesView packet) { return base::concatenate(Bytes{kind}, part(packet)); }

void write_eap(const std::string& root) {
  const Corpus corpus(root, "eap_fuzz");
  for (std::uint8_t options = 0; options < 4; ++options) {
    Bytes steps{options};
    for (int round = 0; round < 3; ++round) steps = base::concatenate(steps, untouched(1), untouched(0));
    corpus.add("success-" + std::to_string(options), BytesView(steps));
  }
  aka::AkaPrimeMessage message;
  message.code = aka::EapCode::response;
  message.identifier = 7;
  message.res.emplace(Bytes(8, 5));
  message.key_derivations = {1};
  corpus.add("wrong-res", BytesView(base::concatenate(Bytes{0}, own(4, encode_with_empty_mac(message)))));
  message.res.reset();
  message.subtype = aka::AkaSubtype::synchronization_failure;
  message.auts = aka::Auts{1, 2, 3};
  message.key_derivations = {2, 1};
  corpus.add("resynchronisation", BytesView(base::concatenate(Bytes{3}, own(2, encode(message)), untouched(1), untouched(0))));
  message = {};
  message.subtype = aka::AkaSubtype::identity;
  message.is_identity_requested = true;
  const Bytes nak = aka::encode_eap({aka::EapCode::response, 7, aka::kEapNak}, {});
  corpus.add("identity", BytesView(base::concatenate(Bytes{3}, own(3, encode(message)), own(2, nak))));
  message.subtype = aka::AkaSubtype::notification;
  message.notification = aka::kNotifiedFailure;
  message.identity = "0001010000000001@nai";
  message.client_error = aka::kUnableToProcess;
  message.has_result_indication = true;
  message.network_name = "5G:mnc001.mcc001.3gppnetwork.org";
  corpus.add("everything", BytesView(base::concatenate(Bytes{1}, own(3, encode(message)), own(4, encode(message)))));
}

/// What a client says that asks for something: preface, settings and all, or without them.
std::string said_by_client(std::size_t body_size) {
  using sbi::Http2Session;
  Http2Session client(Http2Session::Role::client, {}, {});
  sbi::Request request;
  request.method = body_size == 0 ? "GET" : "POST";
  request.authority = "peer";
  request.target = "/narpf-keys/v1/claims/901700000000001";
  request.headers.add("accept", "application/json");
  request.body.assign(body_size, 'x');
  for (int i = 0; i < 3; ++i) (void)client.request(request);
  std::string out;
  client.take_output(out);
  return out.substr(24);  // the target has said the preface
}

/// What a server answers to that.
std::string said_by_server(std::size_t body_size) {
  using sbi::Http2Session;
  std::vector<sbi::StreamId> asked;
  Http2Session server(Http2Session::Role::server, {},
                      {.head = [](sbi::StreamId, Http2Session::Head&) {},
                       .data = [](sbi::StreamId, std::string_view) {},
                       .end = [&asked](sbi::StreamId id) { asked.push_back(id); },
                       .closed = [](sbi::StreamId, std::uint32_t) {},
                       .goaway = nullptr});
  if (!server.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + said_by_client(0))) throw std::runtime_error("a server refuses our client");
  for (const sbi::StreamId id : asked) server.respond(id, sbi::Response(200, "text/plain", std::string(body_size, 'y')));
  server.go_away();
  std::string out;
  server.take_output(out);
  return out;
}

/// Four sizes of pieces, less one each, and the text.
void write_http1(const std::string& root) {
  const Corpus corpus(root, "http1_gate_fuzz");
  const std::string get = "GET /a?b=c HTTP/1.1\r\nHost: peer\r\n";
  const std::string post = "POST /narpf-keys/v1/claims HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\n";
  corpus.add("pipelined", "\x06\x30\x01\x50" + get + "\r\n" + post + "Content-Length: 4\r\n\r\n\r\n\r\n" + get + "\r\n" + get);
  corpus.add("two-lengths", "\x10\x10\x10\x10" + post + "Content-Length: 1\r\ncontent-length: 2\r\n\r\n{}");
  corpus.add("chunked", "\x01\x02\x03\x04" + post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  corpus.add("bare-lf", "\x20\x20\x20\x20" + get + "X: y\n\r\n");
  corpus.add("folded", "\x05\x01\x05\x01" + get + "X: y\r\n z\r\n\r\n");
  corpus.add("long-head", "\x40\x40\x40\x40" + get + "X: " + std::string(300, 'x'));
  corpus.add("long-body", "\x40\x40\x40\x40" + post + "Content-Length: 600\r\n\r\n");
}

void write_http2(const std::string& root) {
  const Corpus corpus(root, "http2_session_fuzz");
  const auto with = [](std::initializer_list<int> octets, const std::string& said = {}) {
    std::string out;
    for (const int octet : octets) out += static_cast<char>(octet);
    return out + said;
  };
  corpus.add("server", with({0, 8, 255, 0}, said_by_client(0)));
  corpus.add("server-early", with({0, 7, 20, 0}, said_by_client(100)));
  corpus.add("server-leaves", with({0, 10, 40, 2}, said_by_client(10)));
  corpus.add("client", with({1, 0, 255, 0}, said_by_server(0)));
  corpus.add("client-bodies", with({1, 0, 50, 3}, said_by_server(100)));
  for (const int manners : {0, 1, 4, 7, 8, 10}) {
    corpus.add("talk-" + std::to_string(manners), with({2, manners, 0, 0, 9, 9, 200, 200, 50, 50, 0, 0}));
  }
}

/// Steps of the target: what is done, and the body that comes with it.
void write_registrations(const std::string& root) {
  const Corpus corpus(root, "registrations_fuzz");
  const auto put = [](const std::string& body) { return base::concatenate(Bytes{0}, part(base::as_bytes(body))); };
  const auto patch = [](const std::string& body) { return base::concatenate(Bytes{1}, part(base::as_bytes(body))); };
  const std::string guami = R"("guami":{"plmnId":{"mcc":"001","mnc":"01"},"amfId":"020040"})";
  const auto amf = [&guami](const std::string& more) {
    return R"({"amfInstanceId":"57a5e3cc-0000-41ee-8f3b-000000000001","deregCallbackUri":"http://127.0.0.5:7777/dereg",)" + guami +
           R"(,"ratType":"NR")" + more + "}";
  };
  const auto change = [&guami](const std::string& more) { return "{" + guami + more + "}"; };
  const Bytes registered = put(amf(R"(,"pei":"imeisv-4370816125816151","purgeFlag":false)"));
  const auto seed = [&](const std::string& name, const std::vector<Bytes>& steps) {
    Bytes all;
    for (const Bytes& step : steps) all = base::concatenate(all, step);
    corpus.add(name, BytesView(all));
  };
  seed("purged", {registered, patch(change(R"(,"purgeFlag":true)")), registered});
  seed("removed", {registered, patch(change(R"(,"pei":null,"imsVoPs":null)"))});
  const std::string nested = R"({"backupAmf":"amf-2","guamiList":[null,{"a":null}],"deep":{"a":null,"b":{"c":null}}})";
  seed("nested", {put(amf(",\"epsInterworkingInfo\":" + nested)), patch(change(",\"epsInterworkingInfo\":" + nested)),
                  patch(change(R"(,"epsInterworkingInfo":{"deep":{"b":1}},"backupAmfInfo":[null])")),
                  patch(change(R"(,"epsInterworkingInfo":7)")), patch(change(R"(,"epsInterworkingInfo":{"again":{"x":null}})"))});
  seed("another-amf", {registered, patch(R"({"guami":{"plmnId":{"mcc":"001","mnc":"01"},"amfId":"020041"},"pei":"x"})"),
                       patch(change(R"(,"amfInstanceId":"x","guami2":1,"ratType":null,"deregCallbackUri":null)"))});
  seed("nobody", {patch(change(R"(,"purgeFlag":true)")), patch("{}"), put("{}"), put("")});
  const std::string half(8192, 'x');  // of what a registration may have: both together are too much
  seed("too-large", {put(amf(",\"more\":\"" + half + "\"")), patch(change(",\"backupAmfInfo\":\"" + half + "\""))});
  seed("numbers", {registered, patch(change(R"(,"backupAmfInfo":[1e22,-0.0,1.5e-7,18446744073709551615,-9223372036854775808,3.0])"))});
  seed("escapes", {registered, patch(change(R"(,"backupAmfInfo":{"\u0000\ud83d\ude00":"\u0061","a/~b":""})"))});
}

/// Lines that both readers take, and lines that the fast one leaves to the other.
void write_bulk_lines(const std::string& root) {
  const Corpus corpus(root, "bulk_lines_fuzz");
  const std::string members = R"("rand":"00112233445566778899aabbccddeeff","autn":"FFEEDDCCBBAA99887766554433221100","imsi":"001010000000001")";
  const auto line = [&members](const std::string& dimsi, const std::string& more) { return "{" + dimsi + "," + members + more + "}\n"; };
  const std::string dimsi = R"("dimsi":"901700000000001")";
  const std::string receipt = R"(, "receiptHash" : "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",)"
                              R"("notificationUri":"https://a.example/receipts" ,"note":"unread")";
  corpus.add("usual", line(dimsi, "") + "\n" + line(R"( "dimsi":"901700")", receipt));
  corpus.add("general", line(R"("\u0064imsi":"901700000000001")", "") + line(dimsi, R"(,"note":7)") + line(dimsi, ",\"note\":\"\xc3\xa4\""));
  corpus.add("refused", line(R"("dimsi":"90170")", "") + line(dimsi, "," + dimsi) + line(dimsi, R"(,"receiptHash":"00")") +
                            line(dimsi, R"(,"notificationUri":"ftp://a.example/")") + line(dimsi, R"(,"notificationUri":"")") + "{}\nx");
}

void write_texts(const std::string& root) {
  const Corpus ndjson(root, "ndjson_fuzz");
  ndjson.add("pieces", std::string_view("\x08\x02\x00\x05\x01{\"a\":1}\n\n \r\n{\"toolong\":1}\n12345678\nlast", 44));
  const Corpus flat(root, "flat_json_fuzz");
  flat.add("authentication", R"({"supiOrSuci":"imsi-001010000000001","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"})");
  flat.add("nested", R"({ "seCredentials" : {"token":"AA==","seCertificate":"AQ=="}, "operatorCertificate":"Ag==" })");
  flat.add("escape", R"({"a":"\u0041","b":"\n"})");
  flat.add("twice", R"({"a":"1","a":"2"})");
  flat.add("none", "{}");
  const Corpus uri(root, "uri_fuzz");
  uri.add("https", "https://[2001:db8::1]:8443/prefix/");
  uri.add("http", "http://ausf.5gc.mnc001.mcc001.3gppnetwork.org");
  uri.add("target", "/a/v1/contexts/12%2F34?limit=5&state=a+b");
  uri.add("literal", "/a/v1/contexts");
  uri.add("rest", "/b/one/two/three?x");
  uri.add("relative", "../other?x#y");
  uri.add("tag", "\"abc\"");
  uri.add("tags", "W/\"1\" , \"1\",\"\"");
  uri.add("any", "*");
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "fuzz-seeds FOLDER\n";
    return 2;
  }
  const std::string root = words[1];
  write_certificates(root);
  write_cms(root);
  write_tokens(root);
  write_identities(root);
  write_eap(root);
  write_http1(root);
  write_http2(root);
  write_registrations(root);
  write_bulk_lines(root);
  write_texts(root);
  return 0;
}

// What a retrieval (step 0-e) costs nf-arpf, step by step, in CPU time of the whole process: bench-arpf-steps. Nothing goes through
// sockets; the store's writes are made. Steps are measured in turns. On a busy machine, where turns differ, the best turn tells of a
// short step; the handler, which takes long, is set against the yardstick just before and after it, and the median of that counts.
// `bench-arpf-steps handler`: that step alone, for a profiler.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>

#include "lib/base/log.hpp"
#include "lib/crypto/cms.hpp"
#include "lib/sbi/router.hpp"
#include "nf-arpf/api.hpp"
#include "tests/support/openssl_cms.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace asio = boost::asio;
using crypto::Certificate;
using crypto::KeyUsage;

constexpr int kTurns = 25;
constexpr std::size_t kDevices = 256;  ///< in flight at once where the store is written

struct Party {
  Certificate certificate;
  std::shared_ptr<const crypto::PrivateKey> key;
};

Party make(const char* name, std::vector<KeyUsage> usages, const Party* issuer, bool is_ca = false) {
  crypto::CertificateTemplate wanted;
  wanted.common_name = name;
  wanted.organizations = {"Operator"};
  wanted.not_before = base::system_now() - std::chrono::hours(1);
  wanted.not_after = base::system_now() + std::chrono::hours(24 * 3650);
  wanted.key_usages = std::move(usages);
  wanted.is_ca = is_ca;
  auto key = std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::Curve::p256));
  auto certificate = crypto::issue(wanted, key->public_key(), issuer ? *issuer->key : *key, issuer ? &issuer->certificate : nullptr);
  return {std::move(certificate), std::move(key)};
}

Party make_ca(const char* name, const Party* issuer) { return make(name, {KeyUsage::key_cert_sign, KeyUsage::crl_sign}, issuer, true); }

struct Device {
  std::string dimsi;
  Certificate certificate;
  base::Bytes token;
};

struct Lab {
  Party ci = make_ca("CI", nullptr);
  Party pn = make_ca("PN", &ci);
  Party agreement = make("ARPF ECKA", {KeyUsage::key_agreement}, &ci);
  Party endorser = make("ARPF ECDSA", {KeyUsage::digital_signature}, &ci);
  Party operator_ca = make_ca("Operator CA", nullptr);
  Party mno = make("MNO", {KeyUsage::key_agreement}, &operator_ca);
  std::vector<Device> devices;
  test::TemporaryFolder folder;

  Lab() {
    for (std::size_t i = 0; i < kDevices; ++i) {
      const std::string digits = std::to_string(901700000000000 + i);
      const Party se = make("SE", {KeyUsage::digital_signature}, &pn);
      const auto token = profile::AttachToken::make(*profile::DiscoveryImsi::from_digits(digits), *agreement.certificate.subject_key_id(),
                                                    crypto::PrivateKey::generate(crypto::Curve::p256).public_key(), *se.key);
      devices.push_back({digits, se.certificate, token.der});
    }
  }
  [[nodiscard]] arpf::Config config() const {
    arpf::Config out;
    const auto lists = std::make_shared<arpf::RevocationLists>(std::vector<std::string>(), arpf::RevocationLists::Lists());
    out.trust = std::make_shared<const arpf::Trust>(arpf::Trust{{ci.certificate}, {operator_ca.certificate}, lists,
                                                                {{agreement.certificate, agreement.key}}, {endorser.certificate, endorser.key}});
    return out;
  }
  [[nodiscard]] sbi::Request request_of(const Device& device) const {
    const auto text = [](base::BytesView octets) { return "\"" + base::to_base64(octets) + "\""; };
    sbi::Request request;
    request.method = "POST";
    request.target = "/narpf-keys/v1/devices/" + device.dimsi + "/retrieve-key";
    request.headers.add("content-type", "application/json");
    request.body = "{\"seCredentials\":{\"token\":" + text(device.token) + ",\"seCertificate\":" + text(device.certificate.der()) +
                   ",\"pnCertificate\":" + text(pn.certificate.der()) + ",\"ciCertificate\":" + text(ci.certificate.der()) +
                   "},\"operatorCertificate\":" + text(mno.certificate.der()) + "}";
    return request;
  }
};

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Step {
  const char* name;
  std::size_t repetitions;
  std::function<void()> run;  ///< of `operations` retrievals
  std::size_t operations = 1;
  double best_us = 1e9;

  double measure() {
    const double begin = cpu_us();
    for (std::size_t i = 0; i < repetitions; ++i) run();
    const double each = (cpu_us() - begin) / static_cast<double>(repetitions * operations);
    best_us = std::min(best_us, each);
    return each;
  }
};

/// Prepared once and used again, as `openssl speed` does it.
struct BareOperations {
  crypto::PrivateKey own = crypto::PrivateKey::generate(crypto::Curve::p256);
  crypto::PrivateKey other = crypto::PrivateKey::generate(crypto::Curve::p256);
  base::Bytes digest = base::Bytes(32, 7), signature = base::Bytes(80), secret = base::Bytes(32);
  crypto::openssl::KeyContext signing = context(), verifying = context(), agreeing = context();
  crypto::openssl::KeyContext making{EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};

  BareOperations() {
    EVP_PKEY_sign_init(signing.get());
    EVP_PKEY_verify_init(verifying.get());
    EVP_PKEY_derive_init(agreeing.get());
    EVP_PKEY_derive_set_peer_ex(agreeing.get(), other.handle(), 0);
    EVP_PKEY_keygen_init(making.get());
    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(making.get(), NID_X9_62_prime256v1);
    sign();
  }
  [[nodiscard]] crypto::openssl::KeyContext context() const {
    return crypto::openssl::KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, own.handle(), nullptr));
  }
  void sign() {
    std::size_t size = 80;
    signature.resize(size);
    EVP_PKEY_sign(signing.get(), signature.data(), &size, digest.data(), digest.size());
    signature.resize(size);
  }
  void verify() { crypto::openssl::check(EVP_PKEY_verify(verifying.get(), signature.data(), signature.size(), digest.data(), 32) == 1, "verify"); }
  void agree() {
    std::size_t size = 32;
    EVP_PKEY_derive(agreeing.get(), secret.data(), &size);
  }
  void make_key() {
    EVP_PKEY* key = nullptr;
    EVP_PKEY_generate(making.get(), &key);
    EVP_PKEY_free(key);
  }
};

/// nf-arpf without its server, on a loop that this thread runs.
struct Function {
  explicit Function(const Lab& lab) : config(lab.config()), path(lab.folder / "arpf.db") {
    auto database = store::Database::open(path);
    store::migrate(database, test::read_text(FIRST_ATTACH_SOURCE_DIR "/nf-arpf/schema.sql"));
    committer = std::make_unique<store::Committer>(std::move(database));
    reader.emplace(store::Database::open(path, store::Database::Mode::read_only));
    claims.emplace(*reader, *committer, base::system_now);
    release.emplace(config.trust, *claims, known, base::system_now);
    api.emplace(config, certificates, *release, *claims, known);
    api->add_routes(router);
  }
  void retrieve(sbi::Request request) {
    asio::co_spawn(io, handle(std::move(request)), asio::detached);
  }
  asio::awaitable<void> handle(sbi::Request request) {
    const auto& handler = std::get<sbi::WaitingHandler>(router.find(request).handler);
    const sbi::Response response = co_await handler(request);
    if (response.status == 200) ++answered;
  }
  void claim(const Device& device) {
    const auto digest = crypto::sha256(device.token);
    asio::co_spawn(io, claims->claim(*profile::DiscoveryImsi::from_digits(device.dimsi), "Operator", digest), asio::detached);
  }
  void run() {
    io.restart();
    io.run();
  }

  arpf::Config config;
  std::string path;
  arpf::PublishCertificates certificates{{}, config.trust->endorsement_key.certificate};
  std::unique_ptr<store::Committer> committer;
  std::optional<store::Database> reader;
  std::optional<arpf::Claims> claims;
  crypto::KnownCertificates known;
  std::optional<arpf::ReleaseEphemeralKey> release;
  std::optional<arpf::Api> api;
  sbi::Router router;
  asio::io_context io;
  std::size_t answered = 0;
};

}  // namespace

int main(int count, char** words) {
  base::log::open("bench", "", base::log::Level::off);
  const Lab lab;
  const Device& device = lab.devices.front();
  const base::Time now = base::system_now();
  BareOperations bare;
  Function function(lab);
  crypto::KnownCertificates known;
  const auto token = profile::AttachToken::parse(device.token);
  const auto point = crypto::PublicKey::from_point(crypto::Curve::p256, token.ephemeral_point);
  const base::Bytes content(24, 1);
  const base::Bytes envelope = crypto::envelop(content, lab.mno.certificate);
  const base::Bytes endorsed = base::concatenate(token.der, envelope);
  const std::vector<base::Bytes> ders{lab.ci.certificate.der(), lab.pn.certificate.der(), device.certificate.der(), lab.mno.certificate.der()};
  std::vector<Certificate> plain;
  std::vector<Certificate> fast;
  const auto read_plain = [&] {
    plain.clear();
    for (const auto& der : ders) plain.push_back(Certificate::parse_by_openssl(der));
  };
  const auto read_fast = [&] {
    fast.clear();
    for (std::size_t i = 0; i < ders.size(); ++i) fast.push_back(i == 2 ? Certificate::from_der(ders[i]) : known.read(ders[i]));
  };
  const auto check = [&](const std::vector<Certificate>& chain, crypto::KnownCertificates* memory) {
    const auto verdict = crypto::check_chain(std::span(chain).first(3), now, KeyUsage::digital_signature, {}, memory);
    const auto fault = crypto::check_issued_by(chain[3], lab.operator_ca.certificate, now, KeyUsage::key_agreement, {}, memory);
    crypto::openssl::check(verdict.fault == crypto::ChainFault::none && fault == crypto::ChainFault::none, "the chain");
  };
  read_plain();
  read_fast();
  const auto derive = [&] {
    const auto secret = crypto::agree(*lab.agreement.key, point);
    (void)profile::derive_ephemeral_key(secret, token.discovery_imsi, token.arpf_key_id);
  };
  std::vector<Step> steps;
  const auto add = [&](const char* name, std::size_t repetitions, std::function<void()> run, std::size_t operations = 1) {
    steps.push_back({name, repetitions, std::move(run), operations, 1e9});
  };
  add("yardstick: 2 verify, 2 ECDH, 2 sign", 100, [&] { for (int i = 0; i < 2; ++i) bare.verify(), bare.agree(), bare.sign(); });
  add("six bare operations: a key for the second sign", 20, [&] { for (int i = 0; i < 2; ++i) bare.verify(), bare.agree(); bare.sign(); bare.make_key(); });
  add("plain: read 4 certificates", 20, read_plain);
  add("fast:  read 4 certificates", 20, read_fast);
  add("plain: check their 3 signatures and all else", 20, [&] { check(plain, nullptr); });
  add("fast:  check their 3 signatures and all else", 20, [&] { check(fast, &known); });
  add("both:  parse and verify the token", 20, [&] { crypto::openssl::check(profile::AttachToken::parse(device.token).is_signed_by(device.certificate.public_key()), "the token"); });
  add("both:  read the token's point", 20, [&] { (void)crypto::PublicKey::from_point(crypto::Curve::p256, token.ephemeral_point); });
  add("both:  ECDH and KDF", 20, derive);
  add("both:  envelope", 20, [&] { (void)crypto::envelop(content, lab.mno.certificate); });
  add("plain: endorsement", 20, [&] { (void)test::sign_by_openssl(endorsed, lab.endorser.certificate, *lab.endorser.key, now, CMS_DETACHED); });
  add("fast:  endorsement", 20, [&] { (void)crypto::sign_detached(endorsed, lab.endorser.certificate, *lab.endorser.key, now); });
  const std::size_t first_whole = steps.size();
  add("the durable claim, 256 at once", 1, [&] { for (const auto& each : lab.devices) function.claim(each); function.run(); }, kDevices);
  add("handler: JSON to JSON with the claim, 256 at once", 1, [&] { for (const auto& each : lab.devices) function.retrieve(lab.request_of(each)); function.run(); }, kDevices);
  add("(making those requests)", 1, [&] { for (const auto& each : lab.devices) (void)lab.request_of(each); }, kDevices);
  if (count > 1 && words[1] == std::string_view("handler")) {
    for (int turn = 0; turn < kTurns; ++turn) steps[first_whole + 1].run();
    return 0;
  }
  std::vector<double> handler_shares;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (std::size_t i = 0; i < first_whole; ++i) (void)steps[i].measure();
    (void)steps[first_whole].measure();
    const double making_us = steps[first_whole + 2].measure();
    const double before_us = steps[0].measure();
    const double handler_us = steps[first_whole + 1].measure() - making_us;
    const double yardstick_us = (before_us + steps[0].measure()) / 2;
    handler_shares.push_back(yardstick_us / handler_us);
  }
  std::sort(handler_shares.begin(), handler_shares.end());
  crypto::openssl::check(function.answered == kTurns * kDevices, "every retrieval to be answered with 200");
  for (const Step& step : steps) std::printf("%-52s %8.1f us\n", step.name, step.best_us);
  double plain_us = 0;
  double fast_us = 0;
  for (std::size_t i = 2; i < first_whole; ++i) {
    const std::string_view name = steps[i].name;
    if (!name.starts_with("fast")) plain_us += steps[i].best_us;
    if (!name.starts_with("plain")) fast_us += steps[i].best_us;
  }
  const double yardstick_us = steps[0].best_us;
  std::printf("of the yardstick: plain %.2f (%.1f us), fast %.2f (%.1f us), handler with claim %.2f\n", yardstick_us / plain_us, plain_us,
              yardstick_us / fast_us, fast_us, handler_shares[handler_shares.size() / 2]);
}

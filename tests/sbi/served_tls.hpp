#pragma once

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/sbi/tls.hpp"
#include "tests/sbi/served.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"

/// What the tests of TLS share: a server with a certificate of a CA, and clients with or without one.
namespace test {

/// A certificate of `issuer`, valid now: TLS asks the machine's clock.
inline Identity issued(crypto::CertificateTemplate wanted, const Identity* issuer) {
  wanted.not_before = base::system_now() - std::chrono::hours(1);
  wanted.not_after = base::system_now() + std::chrono::hours(24);
  return identity(wanted, crypto::Curve::p256, issuer);
}

struct TlsFixture : ServedFixture {
  TlsFixture() {
    auto server_template = template_for("the server", {crypto::KeyUsage::digital_signature});
    server_template.dns_names = {"localhost"};
    server_template.ip_addresses = {"127.0.0.1"};
    keep("server", issued(server_template, &ca));
    (void)folder.write("ca.crt", ca.certificate.pem());
    (void)folder.write("other_ca.crt", other_ca.certificate.pem());
    scheme = "https";
  }
  /// A client's certificate of `issuer`.
  void keep_client(const Identity& issuer, std::vector<std::string> dns_names = {}, std::vector<std::string> uris = {}) {
    auto wanted = template_for("the client", {crypto::KeyUsage::digital_signature});
    wanted.dns_names = std::move(dns_names);
    wanted.uris = std::move(uris);
    keep("client", issued(wanted, &issuer));
  }
  void keep(const std::string& name, const Identity& identity) {
    (void)folder.write(name + ".crt", identity.certificate.pem());
    (void)folder.write(name + ".key", base::as_text(identity.key.to_pem().reveal()));
  }
  [[nodiscard]] sbi::TlsFiles files(const std::string& own, const std::string& trusted) const {
    sbi::TlsFiles out;
    if (!own.empty()) out.certificate = folder / (own + ".crt");
    if (!own.empty()) out.private_key = folder / (own + ".key");
    if (!trusted.empty()) out.ca = folder / (trusted + ".crt");
    return out;
  }
  /// A server's own certificate with an RSA key, for 127.0.0.1.
  void keep_rsa_server() const {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("rsa"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_set_pubkey(certificate.get(), key.get());
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"), X509_EXTENSION_free);
    X509_add_ext(certificate.get(), names.get(), -1);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const auto write = [this](const std::string& file, const auto& print) {
      const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
      print(out.get());
      char* text = nullptr;
      const long size = BIO_get_mem_data(out.get(), &text);
      (void)folder.write(file, std::string_view(text, static_cast<std::size_t>(size)));
    };
    write("rsa.crt", [&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
    write("rsa.key", [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  void serve_tls(bool verifies, const std::string& trusted = "ca") {
    auto own = files("server", trusted);
    own.verify_client = verifies;
    serve(sbi::make_server_context(own));
  }
  void open_tls_client(const std::string& own, const std::string& trusted = "ca") {
    open_client(sbi::make_client_context(files(own, trusted)));
  }
  /// A server that trusts these files, each with the names that it may vouch for.
  void serve_cas(const std::vector<std::pair<std::string, std::vector<std::string>>>& cas) {
    auto own = files("server", "");
    own.verify_client = true;
    for (const auto& [file, names] : cas) own.cas.push_back({folder / (file + ".crt"), names, file + ".names"});
    serve(sbi::make_server_context(own));
  }
  /// What a client with a certificate of `issuer` for this DNS name is called; empty: it is turned away.
  std::string name_of_client(const Identity& issuer, const std::string& name) {
    keep_client(issuer, {name});
    loop.run([this] { client.reset(); });
    open_tls_client("client");
    auto answer = start("GET", "/plain");
    try {
      return get(answer).body;
    } catch (const sbi::ClientError&) {
      return "";
    }
  }
  /// A server that takes nobody without a certificate takes this client's requests not at all.
  bool is_turned_away() { return failure_of(start("GET", "/plain")).has_value(); }

  TemporaryFolder folder;
  Identity ca = issued(ca_template("CA"), nullptr);
  Identity other_ca = issued(ca_template("another CA"), nullptr);
};

}  // namespace test

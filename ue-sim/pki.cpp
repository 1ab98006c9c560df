#include "ue-sim/pki.hpp"

#include <filesystem>
#include <stdexcept>

#include "lib/base/bytes.hpp"
#include "lib/base/clock.hpp"
#include "lib/crypto/cipher.hpp"
#include "lib/crypto/ecies_keys.hpp"
#include "ue-sim/files.hpp"

namespace ue_sim {
namespace {

using crypto::Certificate;
using crypto::CertificateTemplate;
using crypto::Curve;
using crypto::KeyUsage;
using crypto::PrivateKey;

/// What CERT.ARPF.ECDSA may do: endorse tokens (PROTOCOL.md, section 3).
constexpr const char* kEndorsementUsage = "2.25.166299093133829758407982659247061036885";
constexpr const char* kKeyEncryptionKeyFile = "kek.hex";
constexpr unsigned kPublicMode = 0644;

/// The TLS leafs: their DNS name in the lab, and the address of the demonstration.
struct TlsLeaf {
  const char* name;
  const char* dns_name;
  const char* address;
};
constexpr TlsLeaf kTlsLeafs[] = {{"tls-arpf", "arpf.lab", "127.0.0.30"},
                                 {"tls-d-ausf", "d-ausf.lab", "127.0.0.40"},
                                 {"tls-ausf-ext", "ausf-ext.lab", "127.0.0.50"},
                                 {"tls-rsmf", "rsmf.lab", "127.0.0.60"},
                                 {"tls-ue-sim", "ue-sim.lab", "127.0.0.1"}};

/// The home network keys, of both profiles of SUCI.
struct HomeNetworkKeyFile {
  const char* name;
  crypto::EciesProfile profile;
};
constexpr HomeNetworkKeyFile kHomeNetworkKeys[] = {{"hn-a", crypto::EciesProfile::a}, {"hn-b", crypto::EciesProfile::b}};

/// A certificate of the lab and its private key.
struct Entity {
  Certificate certificate;
  PrivateKey key;
};

/// Makes entities and keeps their files until all are made.
class Maker {
 public:
  explicit Maker(const PkiRequest& request) : request_(request), now_(base::system_now()) {}

  Entity make(const std::string& name, Curve curve, CertificateTemplate wanted, const Entity* issuer) {
    wanted.common_name = "Lab " + name;
    wanted.not_before = now_ - std::chrono::hours(1);
    wanted.not_after = now_ + std::chrono::hours(24 * 3650);
    PrivateKey key = PrivateKey::generate(curve);
    Certificate certificate = crypto::issue(wanted, key.public_key(), issuer == nullptr ? key : issuer->key,
                                            issuer == nullptr ? nullptr : &issuer->certificate);
    const base::SecretBytes pem = key.to_pem();
    write_file(path_of(name + ".key"), kSecretMode, base::as_text(pem.reveal()));
    write_file(path_of(name + ".pem"), kPublicMode, certificate.pem());
    return {std::move(certificate), std::move(key)};
  }

  [[nodiscard]] std::string path_of(const std::string& file) const {
    return (std::filesystem::path(request_.directory) / file).string();
  }

 private:
  const PkiRequest& request_;
  base::Time now_;
};

std::vector<std::string> names() {
  std::vector<std::string> out{"ci", "pn", "arpf-ecka", "arpf-ecdsa", "operator-ca", "operator", "service-provider", "tls-ca"};
  for (const TlsLeaf& leaf : kTlsLeafs) out.emplace_back(leaf.name);
  for (const HomeNetworkKeyFile& file : kHomeNetworkKeys) out.emplace_back(file.name);
  return out;
}

std::vector<std::string> paths(const Maker& maker) {
  std::vector<std::string> out;
  for (const std::string& name : names()) {
    out.push_back(maker.path_of(name + ".pem"));
    out.push_back(maker.path_of(name + ".key"));
  }
  out.push_back(maker.path_of(kKeyEncryptionKeyFile));
  return out;
}

CertificateTemplate authority(std::optional<unsigned> path_length) {
  CertificateTemplate wanted;
  wanted.is_ca = true;
  wanted.path_length = path_length;
  wanted.key_usages = {KeyUsage::key_cert_sign, KeyUsage::crl_sign};
  wanted.organizations = {"First Attach Lab"};
  return wanted;
}

CertificateTemplate leaf(KeyUsage usage) {
  CertificateTemplate wanted;
  wanted.key_usages = {usage};
  wanted.organizations = {"First Attach Lab"};
  return wanted;
}

/// CI, PN, and the ARPF's two certificates.
void make_arpf_side(Maker& maker, const PkiRequest& request) {
  const Entity ci = maker.make("ci", request.curve, authority(std::nullopt), nullptr);
  maker.make("pn", request.curve, authority(0), &ci);
  maker.make("arpf-ecka", request.curve, leaf(KeyUsage::key_agreement), &ci);
  CertificateTemplate endorsement = leaf(KeyUsage::digital_signature);
  endorsement.extended_key_usages = {kEndorsementUsage};
  endorsement.uris = {request.arpf_uri};
  maker.make("arpf-ecdsa", request.curve, endorsement, &ci);
}

void make_operator_side(Maker& maker, const PkiRequest& request) {
  const Entity ca = maker.make("operator-ca", request.curve, authority(0), nullptr);
  CertificateTemplate wanted = leaf(KeyUsage::key_agreement);
  wanted.organizations = {request.operator_id};
  maker.make("operator", request.curve, wanted, &ca);
}

/// Whose word for its offers an ARPF may ask for.
void make_service_provider(Maker& maker) {
  CertificateTemplate wanted = leaf(KeyUsage::digital_signature);
  wanted.organizations = {"Example Service Provider"};
  maker.make("service-provider", Curve::p256, wanted, nullptr);
}

void make_tls(Maker& maker) {
  const Entity ca = maker.make("tls-ca", Curve::p256, authority(0), nullptr);
  for (const TlsLeaf& tls : kTlsLeafs) {
    CertificateTemplate wanted = leaf(KeyUsage::digital_signature);
    wanted.extended_key_usages = {std::string(crypto::kServerAuth), std::string(crypto::kClientAuth)};
    wanted.dns_names = {tls.dns_name};
    wanted.ip_addresses = {tls.address};
    maker.make(tls.name, Curve::p256, wanted, &ca);
  }
}

void make_key_encryption_key(const Maker& maker) {
  auto key = crypto::random_octets<32>();
  write_file(maker.path_of(kKeyEncryptionKeyFile), kSecretMode, base::to_hex(key) + "\n");
  base::wipe(key);
}

void make_home_network_keys(const Maker& maker) {
  for (const HomeNetworkKeyFile& file : kHomeNetworkKeys) {
    const auto key = crypto::EciesPrivateKey::generate(file.profile);
    const base::SecretBytes pem = key.to_pem();
    const std::string name = file.name;
    write_file(maker.path_of(name + ".key"), kSecretMode, base::as_text(pem.reveal()));
    write_file(maker.path_of(name + ".pem"), kPublicMode, key.public_key().to_pem());
  }
}

}  // namespace

std::vector<std::string> make_pki(const PkiRequest& request) {
  std::filesystem::create_directories(request.directory);
  Maker maker(request);
  const std::vector<std::string> made = paths(maker);
  for (const std::string& path : made) {
    if (!request.overwrite && std::filesystem::exists(path)) {
      throw std::runtime_error(path + " is there already (--force overwrites it)");
    }
  }
  make_arpf_side(maker, request);
  make_operator_side(maker, request);
  make_service_provider(maker);
  make_tls(maker);
  make_key_encryption_key(maker);
  make_home_network_keys(maker);
  return made;
}

PartNumber load_part_number(const std::string& directory) {
  const std::filesystem::path in(directory);
  return {Certificate::load(in / "ci.pem"), Certificate::load(in / "pn.pem"), PrivateKey::load(in / "pn.key")};
}

}  // namespace ue_sim

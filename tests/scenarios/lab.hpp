#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/certificate.hpp"
#include "lib/profile/attach_token.hpp"
#include "lib/profile/ephemeral_key.hpp"
#include "lib/sbi/client.hpp"
#include "lib/service/run.hpp"
#include "nf-arpf/function.hpp"
#include "nf-ausf-ext/function.hpp"
#include "nf-d-ausf/function.hpp"
#include "tests/scenarios/schemas.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/serving_network.hpp"
#include "tests/support/temporary_folder.hpp"
#include "ue-sim/secure_element.hpp"

/// A lab in one process: the three functions at loopback, devices with certificates of their own, and a client.
namespace test {

using nlohmann::json;

inline const std::string kDimsi = "901700000000001";
inline const std::string kDimsiSupi = "imsi-" + kDimsi;  ///< the dIMSI as the SUPI that a device attaches with first
inline const std::string kDevices = "/nausfext-onboarding/v1/devices/";
inline const std::string kDevice = kDevices + kDimsi;
inline const std::string kVectors = "/ndausf-vectors/v1/vectors";
inline const std::string kVector = kVectors + "/" + kDimsi;
inline const std::string kContexts = "/nausf-auth/v1/ue-authentications";
inline const std::string kSuccess = "AUTHENTICATION_SUCCESS";  ///< authResult (TS 29.509, 6.1.6.3.3)

/// A certificate and its private key, shared.
struct Party {
  crypto::Certificate certificate;
  std::shared_ptr<const crypto::PrivateKey> key;
};

/// A template valid from an hour ago for ten years.
crypto::CertificateTemplate wanted_leaf(const std::string& name, crypto::KeyUsage usage);
crypto::CertificateTemplate wanted_ca(const std::string& name);
Party make_party(const crypto::CertificateTemplate& wanted, const Party* issuer = nullptr,
                 crypto::Curve curve = crypto::Curve::p256);
/// CERT.ARPF.ECDSA of an ARPF at `uri`.
Party make_endorser(const std::string& uri, const Party& issuer);
std::string base64_of(const crypto::Certificate& certificate);

/// The key of tests: shared, printed, compared.
std::string hex_key(const profile::EphemeralKey& key);

/// A Secure Element and what it hands out.
struct SecureElement {
  std::string dimsi;
  Party own;
  crypto::Certificate part_number;
  crypto::Certificate issuer;
  base::Bytes token;
  std::shared_ptr<const profile::EphemeralKey> ephemeral_key;

  [[nodiscard]] json credentials() const;
  /// As the simulator has it, to attach with.
  [[nodiscard]] ue_sim::Device device() const;
};

/// What came back.
struct Answer {
  int status = 0;
  std::string content_type;
  sbi::Headers headers;
  std::string body;

  [[nodiscard]] json content() const { return json::parse(body); }
  [[nodiscard]] std::string cause() const;
  /// `403 CI_NOT_AGREED`; the status alone for what is no problem.
  [[nodiscard]] std::string verdict() const;
  /// `param` of each of invalidParams.
  [[nodiscard]] std::vector<std::string> params() const;
  [[nodiscard]] std::string header(const std::string& name) const;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// HTTP/2 to any port of loopback; every exchange is checked against its schema (REQUIREs, so of the test's thread only).
class Caller {
 public:
  /// With a TLS context (sbi::make_client_context) it calls by https.
  explicit Caller(std::shared_ptr<boost::asio::ssl::context> tls = nullptr);
  ~Caller();
  Answer send(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body = {},
              const HeaderList& headers = {});
  /// Without the check against the schema.
  Answer send_raw(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
                  const HeaderList& headers);

 private:
  std::string scheme_;
  Loop loop_;
  std::unique_ptr<sbi::Client> client_;
};

/// Over HTTP/1.1, a connection of its own for each request.
Answer send_http1(std::uint16_t port, const std::string& method, const std::string& target, const std::string& body,
                  const HeaderList& headers);

/// An endpoint of the test's own, HTTP/2 or HTTP/1.1: a fake ARPF, an RSMF.
class FakePeer {
 public:
  using Handle = std::function<sbi::Response(const sbi::Request&)>;
  enum class Http { v1, v2 };
  FakePeer(Http http, std::uint16_t port, const std::string& method, const std::string& pattern, Handle handle);
  ~FakePeer();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The functions, and the keys of everybody in the lab.
class Lab {
 public:
  Lab();
  ~Lab();

  SecureElement make_device(const std::string& dimsi) const;
  /// Step (0-c) with the parts given.
  SecureElement make_device(const std::string& dimsi, const Party& pn, Party se) const;
  [[nodiscard]] Party make_se(const Party& pn) const;
  /// A token of the device's key for another dIMSI or key.
  base::Bytes make_token(SecureElement& device, const std::string& dimsi, const profile::ArpfKeyId& key_id,
                         const crypto::PrivateKey& signer) const;

  [[nodiscard]] arpf::Config arpf_config() const;
  [[nodiscard]] d_ausf::Config d_ausf_config() const;
  [[nodiscard]] ausf_ext::Config ausf_ext_config() const;
  void start_arpf() { start_arpf(arpf_config()); }
  void start_arpf(arpf::Config config);
  void start_d_ausf() { start_d_ausf(d_ausf_config()); }
  void start_d_ausf(d_ausf::Config config);
  void start_ausf_ext() { start_ausf_ext(ausf_ext_config()); }
  void start_ausf_ext(ausf_ext::Config config);
  void start_all();

  /// {arpfs: [...]} of one ARPF.
  [[nodiscard]] json offer(const SecureElement& device) const { return offer(device, {arpf_uri}); }
  [[nodiscard]] static json offer(const SecureElement& device, const std::vector<std::string>& uris);
  [[nodiscard]] json key_request(const SecureElement& device) const;

  Answer to_arpf(const std::string& method, const std::string& target, const json& body = nullptr);
  Answer to_d_ausf(const std::string& method, const std::string& target, const json& body = nullptr,
                   const HeaderList& headers = {});
  Answer to_ausf(const std::string& method, const std::string& target, const json& body = nullptr,
                 const HeaderList& headers = {});
  Answer retrieve(const SecureElement& device, const json& request);
  /// GET of a device until its state, or a member of its, is as wanted; the last answer in any case.
  json wait_for(const std::string& dimsi, const std::function<bool(const json&)>& is_wanted);
  json wait_for_state(const std::string& dimsi, const std::string& state);

  TemporaryFolder folder;
  Party ci, pn, agreement, operator_ca, mno;
  std::uint16_t arpf_port, d_ausf_port, ausf_port, rsmf_port;
  std::string arpf_uri;
  Party endorser;
  std::unique_ptr<service::Running> arpf, d_ausf, ausf;
  Caller caller;
};

}  // namespace test

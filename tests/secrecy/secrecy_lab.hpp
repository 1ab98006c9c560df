#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/profile/identity.hpp"
#include "lib/sbi/client.hpp"
#include "lib/sbi/http2_server.hpp"
#include "lib/sbi/tls.hpp"
#include "lib/service/run.hpp"
#include "nf-ausf-ext/key_box.hpp"
#include "tests/secrecy/secrets.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/temporary_folder.hpp"

namespace secrecy {

using nlohmann::json;
using profile::DiscoveryImsi;

inline constexpr const char* kServingNetwork = "5G:mnc001.mcc001.3gppnetwork.org";
/// The target AUSF, to the NRF.
inline constexpr const char* kConsumer = "44444444-4444-4444-8444-444444444444";

/// What differs from one lab to another.
struct Options {
  std::string method = "5G_AKA";     ///< of the second attach
  std::string nrf;                   ///< URI of an NRF whose access tokens are taken, and which the target AUSF asks for them; empty: none
  std::string nrf_certificate = {};  ///< file: its key signs them
  std::string nrf_id = {};           ///< their issuer
  std::string hsm_module = {};       ///< PKCS#11 library, whose token `arpf` has the private keys of ARPF and operator; empty: all are in files
  std::string hsm_pin_file = {};
  std::string key_encryption_key = {};  ///< YAML; empty: the file
  std::string arpf_tls_key = {};        ///< file; empty: the right one
  bool asks_for_authorization = false;  ///< the ARPF, for the service provider's word
};

/// How the functions and their peers talk: in cleartext, where everybody is anonymous, or by mutual TLS, each with its certificate of the lab.
enum class Wire { cleartext, tls };

/// What a run leaves where others than those whom it is for may read it.
struct Traces {
  std::string log;       ///< of all three functions, at debug level
  std::string audits;    ///< the audit logs of all three
  std::string metrics;   ///< /metrics of all three
  std::string refusals;  ///< header fields and bodies of every answer that was an error, and what a start failed with
};

/// The three functions in this process, at debug level and with audit logs, and a client that plays everyone else.
class Lab {
 public:
  /// Makes the certificates and keys; nothing runs yet.
  explicit Lab(Wire wire = Wire::cleartext);
  ~Lab();
  void start(const Options& options = {});
  /// As start(), with what is wrong; that goes to the refusals. Nothing runs then.
  void fail_to_start(const Options& options);

  /// Any request. What is refused is remembered.
  sbi::Response send(const std::string& root, const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& authorization = {});
  /// One whose status must be `status`; the answer's body.
  json call(const std::string& root, const std::string& method, const std::string& target, const json& body, int status);

  [[nodiscard]] const std::string& d_ausf_uri() const { return d_ausf_; }
  [[nodiscard]] const std::string& ausf_ext_uri() const { return ausf_ext_; }
  [[nodiscard]] const std::string& arpf_uri() const { return arpf_; }
  [[nodiscard]] const std::string& pki() const { return pki_; }
  [[nodiscard]] const test::TemporaryFolder& folder() const { return folder_; }
  /// Overwrites the sealed key of a device, which then does not open, as under a key-encryption key that is not its own.
  void spoil_sealed_key(const DiscoveryImsi& dimsi);
  /// Puts an ARPF of the test's own in the place of the ARPF; it gives this answer for every key. Once.
  void replace_arpf(std::function<sbi::Response(const sbi::Request&)> answer);

  /// Adds the keys of context ids and relayed ids that rest in the databases of both AUSFs, in clear or sealed (docs/THREAT_MODEL.md), and belong nowhere else.
  void add_keys_at_rest(Secrets& secrets) const;
  /// Everything that rests in the databases, their write-ahead logs included. Before end().
  [[nodiscard]] std::string databases() const;
  /// Ends the functions, so that all is written.
  Traces end();

 private:
  using Running = std::unique_ptr<service::Running>;

  /// `tls-arpf` and its key, as a listener or a client has them.
  [[nodiscard]] sbi::TlsFiles tls_files(const std::string& name) const;
  [[nodiscard]] std::string tls_yaml(const std::string& name, const std::string& private_key = {}) const;
  [[nodiscard]] std::string private_key(const std::string& name, const Options& options) const;
  [[nodiscard]] std::string sbi_yaml(const std::string& uri, const std::string& tls, const std::string& audience, const Options& options) const;
  [[nodiscard]] std::string client_yaml(const std::string& name, const Options& options) const;
  [[nodiscard]] static std::string pkcs11_yaml(const Options& options);
  [[nodiscard]] std::string home_network_keys() const;
  [[nodiscard]] std::string arpf_yaml(const Options& options) const;
  [[nodiscard]] std::string d_ausf_yaml(const Options& options) const;
  [[nodiscard]] std::string ausf_ext_yaml(const Options& options) const;

  test::TemporaryFolder folder_;
  bool has_tls_;
  std::string log_;
  std::string pki_;
  std::string arpf_, d_ausf_, ausf_ext_;  ///< URIs
  std::optional<ausf_ext::KeyBox> key_box_;  ///< of what last started
  std::string refusals_;
  std::string metrics_of_replaced_;
  test::Loop loop_;
  sbi::Client client_;
  Running arpf_function_;
  Running d_ausf_function_;
  Running ausf_ext_function_;
  sbi::Router fake_routes_;
  std::unique_ptr<sbi::Http2Server> fake_arpf_;
};

/// Ends the lab, and checks that none of the secrets is in what it leaves, and that this is of the run: all three kept an audit log and told
/// their metrics, and something was refused. What it leaves, for a closer look.
Traces check_nothing_is_told(Lab& lab, const Secrets& secrets);

}  // namespace secrecy

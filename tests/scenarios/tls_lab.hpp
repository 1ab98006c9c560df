#pragma once

#include <boost/asio/ssl/context.hpp>
#include <map>
#include <memory>
#include <string>

#include "lib/sbi/tls.hpp"
#include "tests/scenarios/lab.hpp"

namespace test {

inline const std::string kTurnedAway = "turned away";

/// Functions that know their peers by certificates of one CA.
struct TlsLab : Lab {
  TlsLab() : sbi_ca(make_party(wanted_ca("SBI CA"))) {
    auto server = wanted_leaf("the function", crypto::KeyUsage::digital_signature);
    server.ip_addresses = {"127.0.0.1"};
    keep("server", make_party(server, &sbi_ca));
    (void)folder.write("sbi-ca.crt", sbi_ca.certificate.pem());
  }

  void keep(const std::string& name, const Party& party) {
    (void)folder.write(name + ".crt", party.certificate.pem());
    (void)folder.write(name + ".key", base::as_text(party.key->to_pem().reveal()));
  }
  template <class Config>
  Config with_tls(Config config) const {
    config.common.http1.clear();
    config.common.http2.at(0).tls = sbi::TlsFiles{folder / "server.crt", folder / "server.key", folder / "sbi-ca.crt", true};
    return config;
  }

  /// The caller with a certificate for this DNS name; the empty name: with a certificate that has no name at all.
  Caller& by(const std::string& peer) {
    auto& caller_of_peer = callers_[peer];
    if (caller_of_peer) return *caller_of_peer;
    auto wanted = wanted_leaf("", crypto::KeyUsage::digital_signature);
    if (!peer.empty()) wanted.dns_names = {peer};
    const std::string file = "peer-" + std::to_string(callers_.size());
    keep(file, make_party(wanted, &sbi_ca));
    return *(caller_of_peer = make_caller(folder / (file + ".crt"), folder / (file + ".key")));
  }
  [[nodiscard]] std::unique_ptr<Caller> make_caller(const std::string& certificate, const std::string& key) const {
    return std::make_unique<Caller>(sbi::make_client_context({certificate, key, folder / "sbi-ca.crt", false}));
  }

  /// `403 NOT_OWNER`, or that no answer came.
  static std::string verdict(Caller& peer, std::uint16_t port, const std::string& method, const std::string& target,
                             const json& body = nullptr) {
    try {
      return peer.send(port, method, target, body.is_null() ? "" : body.dump()).verdict();
    } catch (const sbi::ClientError&) {
      return kTurnedAway;
    }
  }

  Party sbi_ca;

 private:
  std::map<std::string, std::unique_ptr<Caller>> callers_;
};

}  // namespace test

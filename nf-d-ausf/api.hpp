#pragma once

#include "lib/aka/suci_concealment.hpp"
#include "lib/sbi/router.hpp"
#include "nf-d-ausf/accept_vector.hpp"
#include "nf-d-ausf/serve_vector.hpp"

namespace d_ausf {

/// The routes of PROTOCOL.md, section 8.2: JSON to types and back, nothing else. One a loop.
class Api {
 public:
  Api(AcceptVector& accept, ServeVector& serve, const ContextIds& contexts, const aka::HomeNetworkKeys& home_network_keys)
      : accept_(accept), serve_(serve), contexts_(contexts), home_network_keys_(home_network_keys) {}

  void add_routes(sbi::Router& router);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  Answer put_vector(const sbi::Request& request);
  Answer delete_vector(const sbi::Request& request);
  Answer load_vectors(const sbi::Request& request, sbi::BodyReader& body);
  [[nodiscard]] sbi::Response get_vector(const sbi::Request& request) const;
  sbi::Response authenticate(const sbi::Request& request);
  [[nodiscard]] sbi::Response confirm(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response end_context(const sbi::Request& request) const;
  sbi::Response generate_auth_data(const sbi::Request& request);

  void add_vector_routes(sbi::Router& router);

  AcceptVector& accept_;
  ServeVector& serve_;
  const ContextIds& contexts_;
  const aka::HomeNetworkKeys& home_network_keys_;
};

}  // namespace d_ausf

#pragma once

#include "lib/aka/suci_concealment.hpp"
#include "lib/core/hss_ueau.hpp"
#include "lib/core/subscriber_routes.hpp"
#include "lib/sbi/import_places.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/access.hpp"
#include "lib/service/audit.hpp"
#include "nf-d-ausf/accept_vector.hpp"
#include "nf-d-ausf/notify_receipts.hpp"
#include "nf-d-ausf/serve_vector.hpp"
#include "nf-d-ausf/take_receipt.hpp"

namespace d_ausf {

/// The routes of PROTOCOL.md, section 8.2: JSON to types and back, nothing else. One a loop.
class Api {
 public:
  struct Parts {
    AcceptVector& accept;
    ServeVector& serve;
    TakeReceipt& take_receipt;
    NotifyReceipts& notify;  ///< of the first loop
    const ContextIds& contexts;
    const aka::HomeNetworkKeys& home_network_keys;
    service::Audit audit;
    const service::Access& access;
    sbi::ImportPlaces imports;
    base::ErrorKind receipt_answer = base::ErrorKind::gateway_timeout;
  };

  explicit Api(Parts parts) : parts_(std::move(parts)) {}

  void add_routes(sbi::Router& router, core::SubscriberRoutes& routes);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  Answer put_vector(const sbi::Request& request);
  Answer delete_vector(const sbi::Request& request);
  Answer load_vectors(const sbi::Request& request, sbi::BodyReader& body);
  [[nodiscard]] sbi::Response get_vector(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response confirm(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response end_context(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response deregister(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response create_auth_event(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response remove_auth_event(const sbi::Request& request) const;

  // Challenges: nothing for a synchronisation failure, which answer_receipt() takes.
  std::optional<sbi::Response> authenticate(const sbi::Request& request);
  std::optional<sbi::Response> generate_auth_data(const sbi::Request& request);
  std::optional<sbi::Response> generate_hss_av(const sbi::Request& request);
  Answer answer_receipt(profile::DiscoveryImsi dimsi, core::Resynchronization answer, std::string serving_network);

  void add_vector_routes(sbi::Router& router);
  void add_ausf_routes(core::SubscriberRoutes& routes);
  void add_udm_routes(core::SubscriberRoutes& routes);

  Parts parts_;
};

}  // namespace d_ausf

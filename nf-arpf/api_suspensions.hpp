#pragma once

#include "lib/sbi/router.hpp"
#include "lib/service/audit.hpp"
#include "nf-arpf/suspensions.hpp"

namespace arpf {

/// /narpf-keys/v1/suspensions: an administrator stops releases for a part number. One a loop.
class SuspensionApi {
 public:
  SuspensionApi(Suspensions& suspensions, service::Audit audit) : suspensions_(suspensions), audit_(audit) {}

  void add_routes(sbi::Router& router);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  [[nodiscard]] sbi::Response list(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get(const sbi::Request& request) const;
  Answer put(const sbi::Request& request);
  Answer remove(const sbi::Request& request);

  Suspensions& suspensions_;
  service::Audit audit_;
};

}  // namespace arpf

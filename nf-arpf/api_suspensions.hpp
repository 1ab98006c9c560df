#pragma once

#include "lib/sbi/router.hpp"
#include "nf-arpf/suspensions.hpp"

namespace arpf {

/// /narpf-keys/v1/suspensions: an administrator stops releases for a part number. One a loop.
class SuspensionApi {
 public:
  explicit SuspensionApi(Suspensions& suspensions) : suspensions_(suspensions) {}

  void add_routes(sbi::Router& router);

 private:
  using Answer = boost::asio::awaitable<sbi::Response>;
  [[nodiscard]] sbi::Response list(const sbi::Request& request) const;
  [[nodiscard]] sbi::Response get(const sbi::Request& request) const;
  Answer put(const sbi::Request& request);
  Answer remove(const sbi::Request& request);

  Suspensions& suspensions_;
};

}  // namespace arpf

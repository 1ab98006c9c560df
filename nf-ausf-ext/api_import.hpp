#pragma once

#include <string>
#include <vector>

#include "lib/sbi/json.hpp"
#include "lib/sbi/ndjson.hpp"
#include "lib/sbi/router.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/accept_offer.hpp"

namespace ausf_ext {

/// Reads the members of an offer: {arpfs: [{uri, seCredentials, authorization}]}, the last one optional. Throws Error{bad_request} with the member named.
Offer read_offer(const profile::DiscoveryImsi& dimsi, const sbi::JsonObject& object);

/// An import of offers, NDJSON, one a line with its dimsi: each line counts as a PUT of its own, in order.
class ImportOffers {
 public:
  static constexpr std::size_t kMaxLineOctets = 128 * 1024;
  static constexpr std::size_t kPieceLines = 256;  ///< stored in one transaction

  ImportOffers(store::Committer& committer, const Config& config, base::Clock clock, Provider offered_by);
  ImportOffers(const ImportOffers&) = delete;
  ImportOffers& operator=(const ImportOffers&) = delete;

  /// Reads the body to its end and returns the import's id; every line is durable then. If the body breaks off, what came is stored, and the
  /// exception goes on.
  boost::asio::awaitable<std::string> operator()(sbi::BodyReader& body);

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] std::size_t lines() const noexcept { return count_; }

 private:
  struct Line {
    std::uint64_t number = 0;
    std::optional<Offer> offer;
    std::optional<profile::DiscoveryImsi> dimsi;
    std::optional<base::Error> refusal;
  };

  void take_line(std::size_t number, std::string_view line, bool is_overlong);
  boost::asio::awaitable<void> store_piece(bool is_last);

  store::Committer& committer_;
  const Config& config_;
  base::Clock clock_;
  const Provider offered_by_;
  std::string id_;
  bool is_begun_ = false;
  std::size_t count_ = 0;
  std::vector<Line> piece_;
  sbi::NdjsonLines lines_;
};

}  // namespace ausf_ext

#pragma once

#include <string>
#include <vector>

#include "lib/sbi/import_pace.hpp"
#include "lib/sbi/import_places.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/ndjson.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/audit.hpp"
#include "lib/store/committer.hpp"
#include "nf-ausf-ext/accept_offer.hpp"

namespace ausf_ext {

/// Reads the members of an offer: {arpfs: [{uri, seCredentials, authorization}]}, the last one optional. Throws Error{bad_request} with the member named.
Offer read_offer(const profile::DiscoveryImsi& dimsi, const sbi::JsonObject& object);

/// An import of offers, NDJSON, one a line with its dimsi: each line counts as a PUT of its own, in order. With an audit log, it is also a line of that.
class ImportOffers {
 public:
  static constexpr std::size_t kMaxLineOctets = 128 * 1024;
  static constexpr std::size_t kPieceLines = 256;  ///< stored in one transaction
  static constexpr std::size_t kPieceOctets = std::size_t{1024} * 1024;  ///< the same, if lines are long

  struct Parts {
    store::Committer& committer;
    const Config& config;
    base::Clock clock;
    service::Audit audit;
    service::AuditEvent about;  ///< who imports, as Audit::about() has it
  };

  ImportOffers(Parts parts, Provider offered_by, sbi::ImportPlaces::Place place);
  ImportOffers(const ImportOffers&) = delete;
  ImportOffers& operator=(const ImportOffers&) = delete;

  /// Reads the body to its end and returns the import's id; every line is durable then. If the body breaks off, the whole lines that were read are
  /// stored, the import ends, and the exception goes on.
  boost::asio::awaitable<std::string> operator()(sbi::BodyReader& body);
  /// Records what is stored and not recorded yet: once the above has returned or thrown, and before an answer. Throws what Audit::record_all() throws.
  boost::asio::awaitable<void> record_rest();

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] std::size_t lines() const noexcept { return count_; }
  /// How many of them are durable.
  [[nodiscard]] std::size_t stored() const noexcept { return stored_; }

 private:
  struct Line {
    std::uint64_t number = 0;
    std::optional<Offer> offer;
    std::optional<profile::DiscoveryImsi> dimsi;
    std::optional<base::Error> refusal;
  };

  static constexpr std::size_t kMaxSliceOctets = 64 * 1024;
  static constexpr int kPauses = 2;  ///< a wrong line costs less than a good one
  static constexpr std::size_t kRecordedAtOnce = 1024;  ///< lines

  using Items = std::vector<service::AuditItem>;
  /// Reads octets of the body in slices. Of a body that is given up meanwhile the rest of them is left.
  boost::asio::awaitable<void> add(std::string octets, sbi::BodyReader& body);
  void take_line(std::size_t number, std::string_view line, bool is_overlong);
  boost::asio::awaitable<void> store_piece(bool is_last);
  /// What became of a line, as the audit log tells it.
  static service::AuditItem item_of(const Line& line, const base::Error* refusal, OfferVerdict verdict);

  Parts parts_;
  const Provider offered_by_;
  sbi::ImportPlaces::Place place_;
  sbi::ImportPace pace_{kMaxSliceOctets, kPauses};
  std::string id_;
  bool is_begun_ = false;
  std::size_t count_ = 0;
  std::size_t stored_ = 0;
  std::size_t wrong_ = 0;  ///< lines that are no offers
  std::vector<Line> piece_;
  std::size_t piece_octets_ = 0;
  Items items_;  ///< of lines that are stored and not recorded yet
  sbi::NdjsonLines lines_;
};

}  // namespace ausf_ext

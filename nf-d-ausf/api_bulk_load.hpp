#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/sbi/import_pace.hpp"
#include "lib/sbi/import_places.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/ndjson.hpp"
#include "lib/sbi/router.hpp"
#include "lib/service/audit.hpp"
#include "nf-d-ausf/accept_vector.hpp"

namespace d_ausf {

/// A bulk load of vectors, NDJSON, one a line: counts, and the first problems. Memory stays bounded whatever its length: some 30 MiB if it is alone,
/// some 6 if there are many.
///
/// The store keeps vectors by dIMSI. Lines that come in that order are stored piece by piece; others wait in a window and are sorted first,
/// so that a page of the store is written once a window and not once a line. Of lines with one dIMSI the last stands, as it came.
///
/// With an audit log, each line of the load is a line of it: those of a piece when that is stored, beside the next piece; wrong lines soon after they
/// were read.
class BulkLoad {
 public:
  static constexpr std::size_t kMaxProblems = 1000;
  static constexpr std::size_t kMaxLineOctets = 4096;
  static constexpr std::size_t kPieceLines = 4096;          ///< stored in one transaction
  static constexpr std::size_t kPieceOctets = std::size_t{1024} * 1024;    ///< the same, if lines are long
  static constexpr std::size_t kPiecesAtOnce = 4;           ///< one with the disk, one behind it
  static constexpr std::size_t kWindowLines = 128 * 1024;   ///< sorted together, of all loads of a loop: some 20 MiB
  static constexpr std::size_t kWindowOctets = std::size_t{32} * 1024 * 1024;  ///< the same, if lines are long

  /// `accept` outlives the last call. `about` is who loads, as Audit::about() has it.
  BulkLoad(AcceptVector& accept, Owner owner, sbi::ImportPlaces::Place place, service::Audit audit, service::AuditEvent about);
  BulkLoad(const BulkLoad&) = delete;
  BulkLoad& operator=(const BulkLoad&) = delete;

  /// Takes the next octets, which are of `body`, and stores what is ripe. Some pieces may still be on their way to the disk when it returns.
  /// Of a body that its peer gives up meanwhile the rest of them is left; body.next() says so then.
  boost::asio::awaitable<void> add(std::string octets, sbi::BodyReader& body);
  /// Takes what is left, a last line without its newline too. All that was accepted is durable when it returns, and recorded, and so is what was refused.
  boost::asio::awaitable<void> finish();

  /// {accepted, rejected, problems, problemsTruncated}
  [[nodiscard]] std::string report() const;
  /// How many lines were taken and refused, in words.
  [[nodiscard]] std::string summary() const;

 private:
  struct Storing;
  struct Problem {
    std::string dimsi;  ///< empty: none was read
    std::string cause;
    std::string detail;
  };
  static constexpr std::size_t kMaxSliceOctets = 64 * 1024;
  static constexpr std::size_t kMaxAuditedSliceOctets = 4096;  ///< a slice may be all wrong lines, each of which waits to be recorded
  static constexpr int kPauses = 10;  ///< a wrong line costs as much as ten good ones
  static constexpr std::size_t kWrongAtOnce = 1024;            ///< wrong lines that are recorded together

  void take_line(std::size_t number, std::string_view line, bool is_overlong);
  boost::asio::awaitable<void> record_wrong_lines();
  void note_problem(std::size_t line, const std::string& dimsi, const base::Error& error);
  /// As much waits as is to be stored at a time.
  [[nodiscard]] bool is_window_ripe() const;
  /// Stores all that waits, in the order of the store.
  boost::asio::awaitable<void> store_window();
  /// Begins to store a piece: lines are read while the disk works, and when it is done the next piece is there.
  boost::asio::awaitable<void> begin_piece(std::vector<VectorLine> piece);
  /// Waits until no more than `left` pieces are on their way.
  boost::asio::awaitable<void> end_pieces(std::size_t left);

  AcceptVector& accept_;
  Owner owner_;
  sbi::ImportPlaces::Place place_;
  service::Audit audit_;
  service::AuditEvent about_;
  sbi::NdjsonLines lines_;
  std::vector<VectorLine> window_;
  std::size_t window_octets_ = 0;
  bool is_ascending_ = true;  ///< the window, so far
  std::deque<std::shared_ptr<Storing>> storing_;  ///< the pieces that are on their way
  std::vector<service::AuditItem> wrong_;  ///< wrong lines that are not recorded yet
  sbi::ImportPace pace_;
  std::size_t accepted_ = 0;
  std::size_t rejected_ = 0;
  std::map<std::size_t, Problem> problems_;  ///< by line
};

}  // namespace d_ausf

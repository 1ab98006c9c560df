#pragma once

#include <string>
#include <vector>

#include "lib/sbi/flat_json.hpp"
#include "lib/sbi/json.hpp"
#include "lib/sbi/ndjson.hpp"
#include "nf-d-ausf/accept_vector.hpp"

namespace d_ausf {

/// Reads the members of a vector (PROTOCOL.md, section 8.2). Throws Error{bad_request} with the member named.
Vector read_vector(const sbi::JsonObject& object);
/// The fast path of both the above and a bulk load's line: nothing for a vector that it does not take, which read_vector() is then to judge.
std::optional<Vector> read_usual_vector(const sbi::FlatObject& object);
/// The body of PUT: the one or the other.
Vector read_vector(std::string_view body);

/// A bulk load of vectors, NDJSON, one a line: counts, and the first problems. Memory stays bounded whatever its length.
class BulkLoad {
 public:
  static constexpr std::size_t kMaxProblems = 1000;
  static constexpr std::size_t kMaxLineOctets = 4096;
  static constexpr std::size_t kPieceLines = 4096;  ///< stored in one transaction

  BulkLoad(AcceptVector& accept, Owner owner);
  BulkLoad(const BulkLoad&) = delete;
  BulkLoad& operator=(const BulkLoad&) = delete;

  /// Takes the next octets of the body. Durable for whole pieces when it returns.
  boost::asio::awaitable<void> add(std::string octets);
  /// Takes what is left, a last line without its newline too.
  boost::asio::awaitable<void> finish();

  /// {accepted, rejected, problems, problemsTruncated}
  [[nodiscard]] std::string report() const;

 private:
  void take_line(std::size_t number, std::string_view line, bool is_overlong);
  void note_problem(std::size_t line, const std::string& dimsi, const base::Error& error);
  boost::asio::awaitable<void> store_piece();

  AcceptVector& accept_;
  Owner owner_;
  sbi::NdjsonLines lines_;
  std::vector<VectorLine> piece_;
  std::vector<std::size_t> piece_numbers_;
  std::size_t accepted_ = 0;
  std::size_t rejected_ = 0;
  nlohmann::ordered_json problems_ = nlohmann::ordered_json::array();
};

}  // namespace d_ausf

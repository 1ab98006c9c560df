#include "nf-d-ausf/api_bulk_load.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

#include "nf-d-ausf/api_read_vector.hpp"

namespace d_ausf {
namespace {

namespace asio = boost::asio;
using base::Error;
using base::ErrorKind;

/// By dIMSI; of the same dIMSI as they came. Lines are large: their keys are sorted, then each line moves once.
std::vector<VectorLine> sorted(std::vector<VectorLine> lines) {
  struct Key {
    std::uint64_t dimsi;
    std::size_t at;
    auto operator<=>(const Key&) const = default;
  };
  std::vector<Key> keys;
  keys.reserve(lines.size());
  for (std::size_t at = 0; at < lines.size(); ++at) keys.push_back({lines[at].dimsi.packed(), at});
  std::sort(keys.begin(), keys.end());
  std::vector<VectorLine> out;
  out.reserve(lines.size());
  for (const Key& key : keys) out.push_back(std::move(lines[key.at]));
  return out;
}

service::AuditItem refusal_of(std::size_t number, const std::string& dimsi, const Error& error) {
  service::AuditItem item;
  item.action = service::AuditAction::refusal;
  item.outcome = service::AuditOutcome::refused;
  if (!dimsi.empty()) item.dimsi = dimsi;
  item.cause = error.cause();
  item.detail = "line " + std::to_string(number) + ": " + error.what();
  return item;
}

std::vector<service::AuditItem> items_of(const StoredPiece& stored) {
  std::vector<service::AuditItem> items;
  items.reserve(stored.taken.size() + stored.refused.size());
  for (const TakenLine& line : stored.taken) {
    service::AuditItem item;
    item.action = line.is_new ? service::AuditAction::preload : service::AuditAction::replace;
    item.dimsi = line.dimsi.digits();
    item.imsi = line.imsi.digits();
    item.detail = "line " + std::to_string(line.number);
    items.push_back(std::move(item));
  }
  for (const RefusedLine& line : stored.refused) items.push_back(refusal_of(line.number, line.dimsi.digits(), line.error));
  return items;
}

static_assert(BulkLoad::kPieceLines <= service::kMaxAuditItems);

/// Stores a piece, and records each of its lines. It holds all that it needs: its load may end with the connection meanwhile.
asio::awaitable<StoredPiece> store_piece(AcceptVector& accept, std::vector<VectorLine> piece, Owner owner, service::Audit audit,
                                         service::AuditEvent about) {
  StoredPiece stored = co_await accept.put_all(std::move(piece), std::move(owner), audit.is_on());
  if (audit.is_on()) {
    std::vector<service::AuditItem> items = items_of(stored);
    co_await audit.record_all(std::move(about), std::move(items));
  }
  co_return std::move(stored);
}

}  // namespace

BulkLoad::BulkLoad(AcceptVector& accept, Owner owner, sbi::ImportPlaces::Place place, service::Audit audit, service::AuditEvent about)
    : accept_(accept),
      owner_(std::move(owner)),
      place_(std::move(place)),
      audit_(audit),
      about_(std::move(about)),
      lines_(kMaxLineOctets, [this](std::size_t number, std::string_view line, bool is_overlong) {
        take_line(number, line, is_overlong);
      }),
      pace_(audit_.is_on() ? kMaxAuditedSliceOctets : kMaxSliceOctets, kPauses) {}

bool BulkLoad::is_window_ripe() const {
  const std::size_t lines = is_ascending_ ? kPieceLines : std::max(kPieceLines, kWindowLines / place_.running());
  const std::size_t octets = is_ascending_ ? kPieceOctets : std::max(kPieceOctets, kWindowOctets / place_.running());
  return window_.size() >= lines || window_octets_ >= octets;
}

asio::awaitable<void> BulkLoad::add(std::string octets, sbi::BodyReader& body) {
  using Clock = sbi::ImportPace::Clock;
  std::string_view left(octets);
  while (!left.empty()) {
    const std::size_t rejected_before = rejected_;
    lines_.add(pace_.begin(left, Clock::now()));
    const auto pause = pace_.end(rejected_ != rejected_before, place_.running(), Clock::now());
    if (is_window_ripe()) co_await store_window();
    if (wrong_.size() >= kWrongAtOnce) co_await record_wrong_lines();
    if (pause == Clock::duration::zero()) continue;
    const bool goes_on = co_await body.pause(pause);
    if (!goes_on) co_return;
  }
}

asio::awaitable<void> BulkLoad::finish() {
  std::exception_ptr failure;
  try {
    lines_.finish();
    co_await store_window();
  } catch (...) {
    failure = std::current_exception();
  }
  while (!storing_.empty()) {  // whatever became of the others, each piece ends, and each wrong line is recorded
    try {
      co_await end_pieces(0);
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  co_await record_wrong_lines();
  if (failure) std::rethrow_exception(failure);
}

void BulkLoad::take_line(std::size_t number, std::string_view line, bool is_overlong) {
  std::string digits;
  try {
    if (is_overlong) {
      throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the line is longer than " + std::to_string(kMaxLineOctets) + " octets");
    }
    auto read = read_usual_line(number, line);
    if (!read) read = read_any_line(number, line, digits);
    if (!window_.empty() && read->dimsi.packed() < window_.back().dimsi.packed()) is_ascending_ = false;
    window_.push_back(std::move(*read));
    window_octets_ += line.size();
  } catch (const Error& error) {
    if (audit_.is_on()) wrong_.push_back(refusal_of(number, digits, error));
    note_problem(number, digits, error);
  }
}

asio::awaitable<void> BulkLoad::record_wrong_lines() {
  while (!wrong_.empty()) {
    const auto end = wrong_.begin() + static_cast<std::ptrdiff_t>(std::min(wrong_.size(), service::kMaxAuditItems));
    std::vector<service::AuditItem> items(std::make_move_iterator(wrong_.begin()), std::make_move_iterator(end));
    wrong_.erase(wrong_.begin(), end);
    service::AuditEvent about = about_;
    co_await audit_.record_all(std::move(about), std::move(items));
  }
}

void BulkLoad::note_problem(std::size_t line, const std::string& dimsi, const Error& error) {
  ++rejected_;
  if (problems_.size() >= kMaxProblems && line > problems_.rbegin()->first) return;
  problems_.emplace(line, Problem{dimsi, error.cause(), error.what()});
  if (problems_.size() > kMaxProblems) problems_.erase(std::prev(problems_.end()));
}

asio::awaitable<void> BulkLoad::store_window() {
  std::vector<VectorLine> lines = std::exchange(window_, {});
  const std::size_t usual_octets = std::exchange(window_octets_, 0) / std::max<std::size_t>(lines.size(), 1) + 1;
  const std::size_t piece_lines = std::min(kPieceLines, std::max<std::size_t>(kPieceOctets / usual_octets, 1));
  if (!std::exchange(is_ascending_, true)) lines = sorted(std::move(lines));
  for (std::size_t from = 0; from < lines.size(); from += piece_lines) {
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = lines.begin() + static_cast<std::ptrdiff_t>(std::min(from + piece_lines, lines.size()));
    std::vector<VectorLine> piece(std::make_move_iterator(begin), std::make_move_iterator(end));
    co_await begin_piece(std::move(piece));
  }
}

/// Of a piece that is being stored. Whoever stores it holds it too: the load may end with its connection meanwhile.
struct BulkLoad::Storing {
  Storing(const asio::any_io_executor& loop, std::size_t lines) : count(lines), end(loop, asio::steady_timer::time_point::max()) {}

  std::size_t count;
  asio::steady_timer end;  ///< cancelled when it is stored
  bool is_done = false;
  std::exception_ptr failure;
  std::vector<RefusedLine> refused;
};

asio::awaitable<void> BulkLoad::begin_piece(std::vector<VectorLine> piece) {
  co_await end_pieces(kPiecesAtOnce - 1);
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  const auto storing = std::make_shared<Storing>(loop, piece.size());
  storing_.push_back(storing);
  asio::co_spawn(loop, store_piece(accept_, std::move(piece), owner_, audit_, about_),
                 [storing](std::exception_ptr failure, StoredPiece stored) {
                   storing->is_done = true;
                   storing->failure = failure;
                   storing->refused = std::move(stored.refused);
                   storing->end.cancel();
                 });
}

asio::awaitable<void> BulkLoad::end_pieces(std::size_t left) {
  while (storing_.size() > left) {
    const std::shared_ptr<Storing> oldest = storing_.front();
    storing_.pop_front();
    while (!oldest->is_done) {
      boost::system::error_code ignored;
      co_await oldest->end.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (oldest->failure) std::rethrow_exception(oldest->failure);
    for (const RefusedLine& line : oldest->refused) note_problem(line.number, line.dimsi.digits(), line.error);
    accepted_ += oldest->count - oldest->refused.size();
  }
}

std::string BulkLoad::summary() const { return std::to_string(accepted_) + " vectors taken, " + std::to_string(rejected_) + " refused"; }

std::string BulkLoad::report() const {
  nlohmann::ordered_json problems = nlohmann::ordered_json::array();
  for (const auto& [line, problem] : problems_) {
    nlohmann::ordered_json item{{"line", line}};
    if (!problem.dimsi.empty()) item["dimsi"] = problem.dimsi;
    item["cause"] = problem.cause;
    item["detail"] = problem.detail;
    problems.push_back(std::move(item));
  }
  return nlohmann::ordered_json{{"accepted", accepted_},
                                {"rejected", rejected_},
                                {"problems", problems},
                                {"problemsTruncated", rejected_ > problems.size()}}
      .dump();
}

}  // namespace d_ausf

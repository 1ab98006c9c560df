#include "nf-d-ausf/api_bulk_load.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;

}  // namespace

Vector read_vector(const sbi::JsonObject& object) {
  const profile::DiscoveryVector challenge{object.hex<16>("rand"), object.hex<16>("autn")};
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!imsi) object.fail("imsi", "is not 6 to 15 decimal digits");
  Vector vector{challenge, *imsi, object.optional_hex<32>("receiptHash"), object.optional_text("notificationUri", 1024)};
  if (vector.notification_uri && !vector.notification_uri->starts_with("http://") &&
      !vector.notification_uri->starts_with("https://")) {
    object.fail_optional("notificationUri", "is not an absolute http or https URI");
  }
  return vector;
}

BulkLoad::BulkLoad(AcceptVector& accept, Owner owner)
    : accept_(accept),
      owner_(std::move(owner)),
      lines_(kMaxLineOctets, [this](std::size_t number, std::string_view line, bool is_overlong) {
        take_line(number, line, is_overlong);
      }) {}

boost::asio::awaitable<void> BulkLoad::add(std::string octets) {
  lines_.add(octets);
  if (piece_.size() >= kPieceLines) co_await store_piece();
}

boost::asio::awaitable<void> BulkLoad::finish() {
  lines_.finish();
  co_await store_piece();
}

void BulkLoad::take_line(std::size_t number, std::string_view line, bool is_overlong) {
  std::string digits;
  try {
    if (is_overlong) {
      throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the line is longer than " + std::to_string(kMaxLineOctets) + " octets");
    }
    const nlohmann::json document = sbi::parse_json(line);
    const sbi::JsonObject object(document);
    const auto dimsi = profile::DiscoveryImsi::from_digits(object.text("dimsi"));
    if (!dimsi) object.fail("dimsi", "is not 6 to 15 decimal digits");
    digits = dimsi->digits();
    piece_.push_back({*dimsi, read_vector(object)});
    piece_numbers_.push_back(number);
  } catch (const Error& error) {
    note_problem(number, digits, error);
  }
}

void BulkLoad::note_problem(std::size_t line, const std::string& dimsi, const Error& error) {
  ++rejected_;
  if (problems_.size() >= kMaxProblems) return;
  nlohmann::ordered_json problem{{"line", line}};
  if (!dimsi.empty()) problem["dimsi"] = dimsi;
  problem["cause"] = error.cause();
  problem["detail"] = error.what();
  problems_.push_back(std::move(problem));
}

boost::asio::awaitable<void> BulkLoad::store_piece() {
  if (piece_.empty()) co_return;
  std::vector<std::string> digits;
  for (const VectorLine& line : piece_) digits.push_back(line.dimsi.digits());
  const std::vector<std::size_t> numbers = std::exchange(piece_numbers_, {});
  std::vector<VectorLine> lines = std::move(piece_);
  piece_.clear();
  const auto verdicts = co_await accept_.put_all(std::move(lines), owner_);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i]) {
      note_problem(numbers[i], digits[i], *verdicts[i]);
    } else {
      ++accepted_;
    }
  }
}

std::string BulkLoad::report() const {
  return nlohmann::ordered_json{{"accepted", accepted_},
                                {"rejected", rejected_},
                                {"problems", problems_},
                                {"problemsTruncated", rejected_ > problems_.size()}}
      .dump();
}

}  // namespace d_ausf

#include "nf-d-ausf/api_bulk_load.hpp"

namespace d_ausf {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMaxUriOctets = 1024;

bool is_http(std::string_view uri) { return uri.starts_with("http://") || uri.starts_with("https://"); }

}  // namespace

Vector read_vector(const sbi::JsonObject& object) {
  const profile::DiscoveryVector challenge{object.hex<16>("rand"), object.hex<16>("autn")};
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!imsi) object.fail("imsi", "is not 6 to 15 decimal digits");
  Vector vector{challenge, *imsi, object.optional_hex<32>("receiptHash"), object.optional_text("notificationUri", kMaxUriOctets)};
  if (vector.notification_uri && !is_http(*vector.notification_uri)) {
    object.fail_optional("notificationUri", "is not an absolute http or https URI");
  }
  return vector;
}

std::optional<Vector> read_usual_vector(const sbi::FlatObject& object) {
  const auto rand = base::from_hex_exactly<16>(object.text("rand"));
  const auto autn = base::from_hex_exactly<16>(object.text("autn"));
  const auto imsi = profile::Imsi::from_digits(object.text("imsi"));
  if (!rand || !autn || !imsi) return std::nullopt;
  Vector vector{{*rand, *autn}, *imsi, std::nullopt, std::nullopt};
  if (const std::string_view hash = object.text("receiptHash"); !hash.empty()) {
    vector.receipt_hash = base::from_hex_exactly<32>(hash);
    if (!vector.receipt_hash) return std::nullopt;
  }
  if (const std::string_view uri = object.text("notificationUri"); !uri.empty()) {
    if (uri.size() > kMaxUriOctets || !is_http(uri)) return std::nullopt;
    vector.notification_uri = uri;
  }
  return vector;
}

Vector read_vector(std::string_view body) {
  if (const auto flat = sbi::FlatObject::read(body)) {
    if (auto usual = read_usual_vector(*flat)) return std::move(*usual);
  }
  const nlohmann::json document = sbi::parse_json(body);
  return read_vector(sbi::JsonObject(document));
}

namespace {

/// The fast path of a line; false for one that the document reader is to judge.
bool take_usual_line(std::string_view line, std::vector<VectorLine>& piece) {
  const auto flat = sbi::FlatObject::read(line);
  if (!flat) return false;
  const auto dimsi = profile::DiscoveryImsi::from_digits(flat->text("dimsi"));
  auto vector = read_usual_vector(*flat);
  if (!dimsi || !vector) return false;
  piece.push_back({*dimsi, std::move(*vector)});
  return true;
}

}  // namespace

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
    if (take_usual_line(line, piece_)) {
      piece_numbers_.push_back(number);
      return;
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

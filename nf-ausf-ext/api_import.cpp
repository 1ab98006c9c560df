#include "nf-ausf-ext/api_import.hpp"

#include <algorithm>
#include <iterator>

#include "lib/crypto/cipher.hpp"
#include "nf-ausf-ext/imports.hpp"

namespace ausf_ext {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMaxArpfs = 16;
constexpr std::size_t kMaxTokenOctets = 1024;
constexpr std::size_t kMaxCertificateOctets = 8192;
constexpr std::size_t kMaxAuthorizationOctets = 16384;

OfferedArpf read_arpf(const sbi::JsonObject& object) {
  OfferedArpf arpf;
  arpf.uri = object.text("uri", 1024);
  while (arpf.uri.ends_with('/')) arpf.uri.pop_back();
  const sbi::JsonObject credentials = object.object("seCredentials");
  arpf.token = credentials.base64("token", kMaxTokenOctets);
  arpf.secure_element = credentials.base64("seCertificate", kMaxCertificateOctets);
  arpf.part_number = credentials.base64("pnCertificate", kMaxCertificateOctets);
  arpf.issuer = credentials.base64("ciCertificate", kMaxCertificateOctets);
  if (object.has("authorization")) arpf.authorization = object.base64("authorization", kMaxAuthorizationOctets);
  return arpf;
}

}  // namespace

Offer read_offer(const profile::DiscoveryImsi& dimsi, const sbi::JsonObject& object) {
  Offer offer{dimsi, {}, {}};
  for (const sbi::JsonObject& item : object.objects("arpfs", kMaxArpfs)) offer.arpfs.push_back(read_arpf(item));
  offer.hash = hash_of(offer.arpfs);
  return offer;
}

ImportOffers::ImportOffers(Parts parts, Provider offered_by, sbi::ImportPlaces::Place place)
    : parts_(std::move(parts)),
      offered_by_(std::move(offered_by)),
      place_(std::move(place)),
      id_(base::to_hex(crypto::random_octets<16>())),
      lines_(kMaxLineOctets, [this](std::size_t number, std::string_view line, bool is_overlong) {
        take_line(number, line, is_overlong);
      }) {}

boost::asio::awaitable<std::string> ImportOffers::operator()(sbi::BodyReader& body) {
  std::exception_ptr broken;
  try {
    while (true) {
      std::optional<std::string> octets = co_await body.next();
      if (!octets) break;
      co_await add(std::move(*octets), body);
    }
    lines_.finish();
  } catch (...) {
    broken = std::current_exception();
  }
  const bool is_something = !broken || is_begun_ || !piece_.empty();
  if (is_something) co_await store_piece(true);
  if (broken) std::rethrow_exception(broken);
  co_return id_;
}

boost::asio::awaitable<void> ImportOffers::add(std::string octets, sbi::BodyReader& body) {
  using Clock = sbi::ImportPace::Clock;
  std::string_view left(octets);
  while (!left.empty()) {
    const std::size_t wrong_before = wrong_;
    lines_.add(pace_.begin(left, Clock::now()));
    const auto pause = pace_.end(wrong_ != wrong_before, place_.running(), Clock::now());
    if (piece_.size() >= kPieceLines || piece_octets_ >= kPieceOctets) co_await store_piece(false);
    if (items_.size() >= kRecordedAtOnce) co_await record_rest();
    if (pause == Clock::duration::zero()) continue;
    const bool goes_on = co_await body.pause(pause);
    if (!goes_on) co_return;
  }
}

void ImportOffers::take_line(std::size_t number, std::string_view line, bool is_overlong) {
  Line out;
  out.number = number;
  try {
    if (is_overlong) {
      throw Error(ErrorKind::bad_request, "INVALID_MSG_FORMAT", "the line is longer than " + std::to_string(kMaxLineOctets) + " octets");
    }
    const nlohmann::json document = sbi::parse_json(line);
    const sbi::JsonObject object(document);
    out.dimsi = profile::DiscoveryImsi::from_digits(object.text("dimsi"));
    if (!out.dimsi) object.fail("dimsi", "is not 6 to 15 decimal digits");
    out.offer = only_trusted(read_offer(*out.dimsi, object), parts_.config);
    out.offer->offered_by = offered_by_;
  } catch (const Error& error) {
    out.refusal = error;
    ++wrong_;
  }
  piece_.push_back(std::move(out));
  piece_octets_ += line.size();
  ++count_;
}

service::AuditItem ImportOffers::item_of(const Line& line, const Error* refusal, OfferVerdict verdict) {
  service::AuditItem item;
  item.action = refusal == nullptr ? service::AuditAction::offer : service::AuditAction::refusal;
  if (line.dimsi) item.dimsi = line.dimsi->digits();
  std::string detail = "line " + std::to_string(line.number);
  if (verdict != OfferVerdict::taken) detail.append(": ").append(describe(verdict));
  if (refusal != nullptr) {
    item.outcome = service::AuditOutcome::refused;
    item.cause = refusal->cause();
    detail += std::string(": ") + refusal->what();
  }
  item.detail = std::move(detail);
  return item;
}

boost::asio::awaitable<void> ImportOffers::store_piece(bool is_last) {
  const bool is_first = !is_begun_;
  piece_octets_ = 0;
  const std::size_t count = piece_.size();
  store::Committer::Work<Items> work = [this, is_first, is_last, is_audited = parts_.audit.is_on(), lines = std::exchange(piece_, {}),
                                        now = parts_.clock()](store::Database& database) {
    Items items;
    if (is_first) begin_import(database, id_, offered_by_);
    for (const Line& line : lines) {
      std::optional<Error> refusal = line.refusal;
      OfferVerdict verdict = OfferVerdict::taken;
      try {
        if (line.offer) require_open_line(database, line.offer->dimsi);
        if (line.offer) verdict = accept_offer(database, *line.offer, parts_.config, now);
      } catch (const Error& error) {
        refusal = error;
      }
      add_import_line(database, id_, line.number, line.dimsi, refusal ? &*refusal : nullptr);
      if (is_audited) items.push_back(item_of(line, refusal ? &*refusal : nullptr, verdict));
    }
    if (is_last) end_import(database, id_);
    return items;
  };
  Items items = co_await parts_.committer.write(std::move(work));
  is_begun_ = true;
  stored_ += count;
  items_.insert(items_.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
}

boost::asio::awaitable<void> ImportOffers::record_rest() {
  while (!items_.empty()) {
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(std::min(items_.size(), service::kMaxAuditItems));
    Items items(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
    items_.erase(items_.begin(), end);
    service::AuditEvent about = parts_.about;
    co_await parts_.audit.record_all(std::move(about), std::move(items));
  }
}

}  // namespace ausf_ext

#include "nf-ausf-ext/api_import.hpp"

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

ImportOffers::ImportOffers(store::Committer& committer, const Config& config, base::Clock clock, Provider offered_by)
    : committer_(committer),
      config_(config),
      clock_(std::move(clock)),
      offered_by_(std::move(offered_by)),
      id_(base::to_hex(crypto::random_octets<16>())),
      lines_(kMaxLineOctets, [this](std::size_t number, std::string_view line, bool is_overlong) {
        take_line(number, line, is_overlong);
      }) {}

boost::asio::awaitable<std::string> ImportOffers::operator()(sbi::BodyReader& body) {
  while (true) {
    const std::optional<std::string> octets = co_await body.next();
    if (!octets) break;
    lines_.add(*octets);
    if (piece_.size() >= kPieceLines) co_await store_piece(false);
  }
  lines_.finish();
  co_await store_piece(true);
  co_return id_;
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
    out.offer = only_trusted(read_offer(*out.dimsi, object), config_);
    out.offer->offered_by = offered_by_;
  } catch (const Error& error) {
    out.refusal = error;
  }
  piece_.push_back(std::move(out));
  ++count_;
}

boost::asio::awaitable<void> ImportOffers::store_piece(bool is_last) {
  const bool is_first = !std::exchange(is_begun_, true);
  store::Committer::Work<void> work = [this, is_first, is_last, lines = std::exchange(piece_, {}),
                                       now = clock_()](store::Database& database) {
    if (is_first) begin_import(database, id_, offered_by_);
    for (const Line& line : lines) {
      std::optional<Error> refusal = line.refusal;
      try {
        if (line.offer) accept_offer(database, *line.offer, config_, now);
      } catch (const Error& error) {
        refusal = error;
      }
      add_import_line(database, id_, line.number, line.dimsi, refusal ? &*refusal : nullptr);
    }
    if (is_last) end_import(database, id_);
  };
  co_await committer_.write(std::move(work));
}

}  // namespace ausf_ext

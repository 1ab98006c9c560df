// How many bulk loads and imports run at once: max_imports, max_imports_per_peer, one below and one above.
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "nf-ausf-ext/api_import.hpp"
#include "tests/scenarios/onboarding_lab.hpp"
#include "tests/support/http2_peer.hpp"

using namespace test;

namespace {

using boost::asio::ip::tcp;

constexpr std::size_t kMost = 2;

struct PlacesFixture : Lab {
  void start(std::size_t most, std::size_t most_of_a_peer) {
    const auto limit = [most, most_of_a_peer](auto config) {
      config.common.limits.max_imports = most;
      config.common.limits.max_imports_per_peer = most_of_a_peer;
      return config;
    };
    start_d_ausf(limit(d_ausf_config()));
    start_ausf_ext(limit(ausf_ext_config()));
  }
};

/// A client that begins imports and leaves them open.
class Importer {
 public:
  Importer(std::uint16_t port, std::string path) : path_(std::move(path)), peer_(connected(port), sbi::Http2Session::Role::client) {}

  sbi::StreamId begin() {
    sbi::Request request;
    request.method = "POST";
    request.authority = "127.0.0.1";
    request.target = path_;
    request.headers.add("content-type", "application/x-ndjson");
    const sbi::StreamId id = peer_.http.session.request(request, sbi::Http2Session::BodySource::pieces);
    peer_.flush();
    return id;
  }
  void send(sbi::StreamId id, std::string_view octets) {
    peer_.http.session.send(id, octets);
    peer_.flush();
  }
  void vanish() { peer_.close(false); }  // what was sent arrives
  /// The answer's status; 0 if there is none.
  int end(sbi::StreamId id) {
    peer_.http.session.finish(id);
    return status_of(id);
  }
  int status_of(sbi::StreamId id) { return peer_.pump_to_end(id) ? peer_.http.streams[id].head.status : 0; }
  std::string body_of(sbi::StreamId id) { return peer_.http.streams[id].body; }
  std::string header_of(sbi::StreamId id, std::string_view name) {
    return std::string(peer_.http.streams[id].head.headers.find(name).value_or(""));
  }

 private:
  tcp::socket connected(std::uint16_t port) {
    tcp::socket socket(io_);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    return socket;
  }
  boost::asio::io_context io_;
  std::string path_;
  Http2Peer peer_;
};

}  // namespace

TEST_CASE_METHOD(PlacesFixture, "As many imports run at once as may, one more is refused, and one that ends makes room", "[import][limits]") {
  const bool is_of_peer = GENERATE(false, true);
  start(is_of_peer ? 2 * kMost : kMost, kMost);
  const bool is_load = GENERATE(false, true);
  CAPTURE(is_of_peer, is_load);
  Importer importer(is_load ? d_ausf_port : ausf_port, is_load ? "/ndausf-vectors/v1/vectors" : kImports);
  const int done = is_load ? 200 : 202;
  std::vector<sbi::StreamId> running;
  for (std::size_t i = 0; i < kMost; ++i) running.push_back(importer.begin());
  const sbi::StreamId refused = importer.begin();
  CHECK(importer.status_of(refused) == (is_of_peer ? 429 : 503));
  CHECK(importer.header_of(refused, "retry-after") == "1");
  CHECK_THAT(importer.body_of(refused), Catch::Contains(is_of_peer ? "\"NF_CONGESTION_RISK\"" : "\"NF_CONGESTION\""));
  CHECK(importer.end(running.front()) == done);
  const sbi::StreamId next = importer.begin();
  CHECK(importer.end(next) == done);
  CHECK(importer.end(running.back()) == done);
}

TEST_CASE_METHOD(PlacesFixture, "An import whose peer vanishes has stored the whole lines that were read, and does not run for ever", "[import][limits]") {
  start(kMost, kMost);
  const std::size_t lines = GENERATE(as<std::size_t>(), 0, 2, ausf_ext::ImportOffers::kPieceLines + 2);  // no transaction, one, two
  Importer importer(ausf_port, kImports);
  const sbi::StreamId id = importer.begin();
  std::string body;
  for (std::size_t i = 0; i < lines; ++i) body += "x\n";
  importer.send(id, body + "{\"dimsi\"");
  REQUIRE(importer.end(importer.begin()) == 202);  // behind it: it has begun
  auto reader = store::Database::open(folder / "ausf-ext.db");
  const auto answer_of = [&reader](const char* query) {
    auto rows = reader.query(query);
    return rows.next() ? rows.text(0) : std::string();
  };
  constexpr const char* kStored = "SELECT id FROM imports WHERE received > 0";
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  const bool has_whole_piece = lines > ausf_ext::ImportOffers::kPieceLines;
  while (has_whole_piece && answer_of(kStored).empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  importer.vanish();
  std::size_t taken = 1;
  const auto has_places = [this, &taken] {  // all of them at once
    Importer next(ausf_port, kImports);
    std::vector<sbi::StreamId> open;
    for (std::size_t i = 0; i < kMost; ++i) open.push_back(next.begin());
    const std::size_t before = taken;
    for (const sbi::StreamId each : open) taken += next.end(each) == 202 ? 1 : 0;
    return taken == before + kMost;
  };
  bool has_all = false;
  while (!(has_all = has_places()) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(has_all);
  CHECK(answer_of("SELECT CAST(count(*) AS TEXT) FROM imports") == std::to_string(taken + (lines == 0 ? 0 : 1)));
  if (lines == 0) return;
  const json status = to_ausf("GET", kImports + "/" + answer_of(kStored)).content();
  CHECK(status["state"] == "DONE");
  CHECK(status["received"].get<std::size_t>() <= lines);
  CHECK(status["received"] >= (has_whole_piece ? ausf_ext::ImportOffers::kPieceLines : lines));
}

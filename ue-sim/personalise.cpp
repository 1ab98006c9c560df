#include "ue-sim/personalise.hpp"

#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "ue-sim/device_file.hpp"
#include "ue-sim/files.hpp"
#include "ue-sim/progress.hpp"
#include "ue-sim/service_provider.hpp"

namespace ue_sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPieceDevices = 256;  ///< what one thread makes before its lines are written

/// The lines of a piece of the batch.
struct Lines {
  std::uint64_t devices = 0;
  std::string device_file;
  std::string ledger;
};

boost::asio::awaitable<void> fetch_into(std::optional<crypto::Certificate>& found, Network& network, sbi::Uri arpf,
                                        crypto::Certificate issuer) {
  found = co_await fetch_agreement_certificate(network, std::move(arpf), std::move(issuer));
}

crypto::Certificate agreement_certificate(const PersonaliseRequest& request, const crypto::Certificate& issuer) {
  if (!request.arpf_certificate.empty()) return crypto::Certificate::load(request.arpf_certificate);
  const sbi::Uri arpf = sbi::Uri::parse(request.arpf);
  Network network(request.tls, 10s);
  std::optional<crypto::Certificate> found;
  network.run(1, 1, [&](std::size_t) { return fetch_into(found, network, arpf, issuer); });
  return found.value();
}

Lines make_piece(const Factory& factory, const PersonaliseRequest& request, const std::string& arpf_uri,
                 std::uint64_t begin) {
  Lines lines;
  lines.devices = std::min(kPieceDevices, request.count - begin);
  for (std::uint64_t i = begin; i < begin + lines.devices; ++i) {
    const Device device = factory.personalise(dimsi_after(request.first_dimsi, i));
    lines.device_file += to_line(device);
    lines.ledger += to_offer(device, factory.part_number(), arpf_uri).dump() + "\n";
  }
  return lines;
}

/// Pieces are made on all processors at once, and written in their order.
void write_batch(const Factory& factory, const PersonaliseRequest& request, const std::string& arpf_uri,
                 Progress& progress) {
  AtomicFile devices(request.device_file, kSecretMode);
  AtomicFile ledger(request.ledger_file, kSecretMode);
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t begin = 0;
  while (begin < request.count) {
    std::vector<std::future<Lines>> pieces;
    for (unsigned i = 0; i < threads && begin < request.count; ++i, begin += kPieceDevices) {
      pieces.push_back(
          std::async(std::launch::async, [&, begin] { return make_piece(factory, request, arpf_uri, begin); }));
    }
    for (auto& piece : pieces) {
      Lines lines = piece.get();
      devices.write(lines.device_file);
      ledger.write(lines.ledger);
      progress.step(lines.devices);
      base::wipe(std::span(reinterpret_cast<std::uint8_t*>(lines.device_file.data()), lines.device_file.size()));
    }
  }
  devices.commit();
  ledger.commit();
}

}  // namespace

profile::DiscoveryImsi dimsi_after(const std::string& first, std::uint64_t index) {
  const auto begin = profile::Imsi::from_digits(first);
  if (!begin) throw std::runtime_error("the dIMSI " + first + " is not 6 to 15 decimal digits");
  const auto imsi = profile::Imsi::from_value(begin->value() + index, begin->size());
  if (!imsi) throw std::runtime_error("there are not so many dIMSIs from " + first + " on");
  return profile::DiscoveryImsi(*imsi);
}

Personalised personalise(const PersonaliseRequest& request) {
  if (request.count == 0) throw std::runtime_error("a batch has at least one device");
  static_cast<void>(dimsi_after(request.first_dimsi, request.count - 1));
  const std::string arpf_uri = request.arpf_uri.empty() ? request.arpf : request.arpf_uri;
  if (arpf_uri.empty()) throw std::runtime_error("--arpf-uri is needed with --arpf-certificate: offers name the ARPF");
  PartNumber part_number = load_part_number(request.pki);
  crypto::Certificate certificate = agreement_certificate(request, part_number.issuer);
  const Factory factory(std::move(part_number), std::move(certificate), base::system_now());

  Progress progress("personalised", request.count);
  write_batch(factory, request, arpf_uri, progress);
  return {request.count, base::to_hex(factory.agreement_certificate().subject_key_id().value()), progress.seconds()};
}

}  // namespace ue_sim

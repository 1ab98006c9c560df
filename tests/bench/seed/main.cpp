// bench-seed: subscribers for the bench, straight into the database of a stopped nf-ausf-ext, by that function's own store: as if
// each had been onboarded, and had attached. Their keys go to a file, for bench-load --mode aka.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/imsi_pools.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace {

using profile::DiscoveryImsi;
using profile::Imsi;

constexpr std::uint64_t kInTransaction = 10'000;

struct Options {
  std::string database;
  std::string key_file;
  std::string out;
  std::string first_dimsi = "901700000000001";
  std::string pool_from = "001010000000001";
  std::string pool_to = "001010009999999";
  std::uint64_t count = 1'000'000;
};

Options read_options(int argc, char** argv) {
  Options out;
  CLI::App app("Puts subscribers into the database of a stopped nf-ausf-ext, and their keys into a file. For a bench only.", "bench-seed");
  app.add_option("--database", out.database, "made by nf-ausf-ext, which does not run now")->required();
  app.add_option("--key-encryption-key", out.key_file, "its file of 64 hex digits")->required();
  app.add_option("--out", out.out, "JSON lines of imsi, k and opc, to write")->required();
  app.add_option("--first-dimsi", out.first_dimsi)->capture_default_str();
  app.add_option("--pool-from", out.pool_from, "of its first IMSI pool")->capture_default_str();
  app.add_option("--pool-to", out.pool_to)->capture_default_str();
  app.add_option("--count", out.count)->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return out;
}

ausf_ext::KeyBox open_key_box(const std::string& name) {
  std::ifstream file(name);
  const std::string hex(std::istreambuf_iterator<char>(file), {});
  const auto octets = base::from_hex_exactly<32>(std::string_view(hex).substr(0, 64));
  if (!octets) throw std::runtime_error(name + ": no 64 hex digits");
  return ausf_ext::KeyBox(std::make_shared<const crypto::KeyEncryptionKey>(*octets));
}

std::string key_line(const profile::EphemeralKey& key, const DiscoveryImsi& dimsi, const Imsi& imsi) {
  const profile::SubscriberKeys keys = profile::derive_subscriber_keys(key, dimsi, imsi);
  const std::string k = base::to_hex(keys.k.reveal());
  const std::string opc = base::to_hex(keys.opc.reveal());
  return R"({"imsi":")" + imsi.digits() + R"(","k":")" + k + R"(","opc":")" + opc + "\"}\n";
}

/// What steps (0-d) to (10) leave of a device, without its offer.
std::string seed_one(store::Database& database, const ausf_ext::KeyBox& keys, const std::vector<ausf_ext::ImsiPool>& pools,
                     const DiscoveryImsi& dimsi) {
  const base::Time now = base::system_now();
  const auto allocated = ausf_ext::allocate_imsi(database, pools, dimsi);
  if (!allocated) throw std::runtime_error("the pool has not so many IMSIs");
  const profile::EphemeralKey key(crypto::random_octets<16>());
  ausf_ext::Offer offer{dimsi, {}, {}};
  ausf_ext::put_offer(database, offer, std::nullopt, now, now + std::chrono::hours(24 * 365));
  auto device = ausf_ext::find_device(database, dimsi).value();
  device.state = ausf_ext::State::attached;
  device.sealed_key = keys.seal(key, dimsi);
  device.imsi = allocated->imsi;
  device.mnc_length = allocated->mnc_length;
  device.due_at = std::nullopt;
  device.attached_at = now;
  ausf_ext::put_sequence(database, dimsi, {device.epoch, aka::SequenceNumber::from_seq_and_ind(1, 0), 0});
  if (!ausf_ext::update_device(database, device, now)) throw std::runtime_error("the device " + dimsi.digits() + " was not stored");
  return key_line(key, dimsi, allocated->imsi);
}

void seed(const Options& options) {
  const auto first = Imsi::from_digits(options.first_dimsi);
  const auto from = Imsi::from_digits(options.pool_from);
  const auto to = Imsi::from_digits(options.pool_to);
  if (!first || !from || !to) throw std::runtime_error("an IMSI is 6 to 15 digits");
  const std::vector<ausf_ext::ImsiPool> pools{{{options.pool_from.substr(0, 3), options.pool_from.substr(3, 2)}, *from, *to}};
  const ausf_ext::KeyBox keys = open_key_box(options.key_file);
  store::Database database = store::Database::open(options.database);
  std::ofstream out(options.out);
  for (std::uint64_t i = 0; i < options.count; ++i) {
    if (i % kInTransaction == 0) database.script("BEGIN");
    const auto dimsi = Imsi::from_value(first->value() + i, first->size());
    out << seed_one(database, keys, pools, DiscoveryImsi(dimsi.value()));
    if ((i + 1) % kInTransaction == 0 || i + 1 == options.count) database.script("COMMIT");
  }
  out.close();
  if (!out) throw std::runtime_error(options.out + " cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    seed(read_options(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-seed: %s\n", error.what());
    return 1;
  }
}

#include "nf-ausf-ext/export_open5gs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "lib/crypto/cipher.hpp"
#include "lib/profile/subscriber_keys.hpp"
#include "nf-ausf-ext/api_export.hpp"
#include "nf-ausf-ext/devices.hpp"
#include "nf-ausf-ext/global_counter.hpp"
#include "nf-ausf-ext/key_box.hpp"

namespace ausf_ext {
namespace {

constexpr const char* kDefaultFile = "open5gs-subscribers.jsonl";
constexpr std::size_t kPage = 256;
constexpr unsigned kInd = 0;

[[noreturn]] void fail_file(const std::string& what, const std::string& path) {
  throw std::runtime_error(what + " " + path + ": " + std::generic_category().message(errno));
}

/// A descriptor, closed with it.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// Where lines with keys go, without a buffer that would keep them.
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(base::BytesView octets) = 0;
  /// All is written: it becomes visible.
  virtual void finish() = 0;

 protected:
  static void write_to(int descriptor, base::BytesView octets, const std::string& path) {
    while (!octets.empty()) {
      const ssize_t count = ::write(descriptor, octets.data(), octets.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_file("cannot write", path);
      octets = octets.subspan(static_cast<std::size_t>(count));
    }
  }
};

class StandardOutput final : public Output {
 public:
  void write(base::BytesView octets) override { write_to(STDOUT_FILENO, octets, "to standard output"); }
  void finish() override {}
};

/// A file beside its final name until it is whole and on disk; removed if it never is.
class WholeFile final : public Output {
 public:
  explicit WholeFile(const std::string& path)
      : path_(path), part_(path + "." + base::to_hex(crypto::random_octets<8>()) + ".part"), file_(open_new(part_)) {}
  ~WholeFile() override {
    if (!part_.empty()) unlink(part_.c_str());
  }
  void write(base::BytesView octets) override { write_to(file_.get(), octets, part_); }
  void finish() override {
    if (fsync(file_.get()) != 0) fail_file("cannot write", part_);
    if (std::rename(part_.c_str(), path_.c_str()) != 0) fail_file("cannot make", path_);
    part_.clear();
  }

 private:
  static int open_new(const std::string& path) {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0) fail_file("cannot make", path);
    return descriptor;
  }

  std::string path_;
  std::string part_;
  File file_;
};

/// Puts a text of known size together in wiped memory.
class SecretLine {
 public:
  explicit SecretLine(std::size_t size) : octets_(size) {}
  void add(std::string_view text) {
    for (const char c : text) octets_.writable()[used_++] = static_cast<std::uint8_t>(c);
  }
  void add_hex(base::BytesView octets) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const std::uint8_t octet : octets) {
      octets_.writable()[used_++] = static_cast<std::uint8_t>(kDigits[octet >> 4]);
      octets_.writable()[used_++] = static_cast<std::uint8_t>(kDigits[octet & 15]);
    }
  }
  [[nodiscard]] base::BytesView octets() const { return octets_.reveal().first(used_); }

 private:
  base::SecretBytes octets_;
  std::size_t used_ = 0;
};

/// One document: Extended JSON, in which $numberLong is what Open5GS' reader wants for `sqn`.
SecretLine document_of(const profile::Imsi& imsi, const profile::SubscriberKeys& keys, const aka::SequenceNumber& sqn,
                       const std::string& profile) {
  constexpr std::size_t kRoomForRest = 512;
  SecretLine line(profile.size() + kRoomForRest);
  line.add("{\"imsi\":\"" + imsi.digits() + "\",\"security\":{\"k\":\"");
  line.add_hex(keys.k.reveal());
  line.add("\",\"amf\":\"8000\",\"op\":null,\"opc\":\"");
  line.add_hex(keys.opc.reveal());
  line.add("\",\"sqn\":{\"$numberLong\":\"" + std::to_string(sqn.value()) + "\"}},");
  line.add(profile);
  line.add("}\n");
  return line;
}

/// Writes the subscribers of one snapshot of the database.
std::uint64_t write_subscribers(store::Database& database, const KeyBox& box, const std::string& profile, Output& output) {
  std::uint64_t count = 0;
  const std::uint64_t counter = find_global_counter(database);
  std::optional<profile::DiscoveryImsi> last;
  while (true) {
    const auto page = find_page(database, {}, last, kPage);
    for (const profile::DiscoveryImsi& dimsi : page) {
      const auto device = find_device(database, dimsi);
      if (!device || !is_subscriber(*device)) continue;
      const profile::EphemeralKey key = box.open(device->sealed_key, dimsi);
      const profile::SubscriberKeys keys = profile::derive_subscriber_keys(key, dimsi, *device->imsi);
      output.write(document_of(*device->imsi, keys, exported_sqn(*find_sequence(database, dimsi), counter), profile).octets());
      ++count;
    }
    if (page.size() < kPage) return count;
    last = page.back();
  }
}

int refuse() {
  std::cerr << "export-open5gs takes keys out of the seal: K and OPc of every device that is served here are written in clear.\n"
               "What you give up: until now they were nowhere but in this function's memory, one at a time; from then on whoever\n"
               "reads the file, a copy of it or the database that it is imported into can answer for those devices and listen\n"
               "to them, and retiring a device here wipes none of it. If that is what you want, add --reveal-keys.\n";
  return 2;
}

int run_export(const std::string& config_path, const service::Command::Given& given) {
  if (!given.contains("reveal-keys")) return refuse();
  const auto out = given.find("out");
  const std::string path = out == given.end() ? kDefaultFile : out->second;
  const service::YamlDocument document = service::YamlDocument::load(config_path);
  const Config config = read_config(document.root());
  document.finish();
  const std::uint64_t count = export_open5gs(config, path);
  std::cerr << count << " subscribers, with their keys in clear, written to " << (path == "-" ? "standard output" : path) << "\n";
  return 0;
}

}  // namespace

aka::SequenceNumber exported_sqn(const SequenceState& state, std::uint64_t counter) {
  return aka::advanced(state.last, counter - state.counter + kExportedLead, kInd);
}

std::uint64_t export_open5gs(const Config& config, const std::string& path) {
  if (!config.bootstrap_subscription) {
    throw service::ConfigError("ausf_ext.bootstrap_subscription is missing: it says what subscription the exported devices get");
  }
  const std::string profile = open5gs_profile(*config.bootstrap_subscription);
  if (!std::filesystem::exists(config.common.database)) {
    throw std::runtime_error("there is no database " + config.common.database);
  }
  store::Database database = store::Database::open(config.common.database, store::Database::Mode::read_only);
  std::unique_ptr<Output> output;
  if (path == "-") {
    output = std::make_unique<StandardOutput>();
  } else {
    output = std::make_unique<WholeFile>(path);
  }
  database.script("BEGIN");
  const std::uint64_t count = write_subscribers(database, KeyBox(config.key_encryption_key, config.former_key_encryption_key), profile, *output);
  database.script("COMMIT");
  output->finish();
  return count;
}

service::Command export_command() {
  return {"export-open5gs",
          "writes the devices as subscribers for Open5GS' own database, their keys in clear",
          {{"reveal-keys", "yes, take K and OPc of every device out of the seal", true},
           {"out", "the file to write, of mode 0600 (" + std::string(kDefaultFile) + "); - for standard output", false}},
          run_export};
}

}  // namespace ausf_ext

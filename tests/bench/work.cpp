#include "tests/bench/work.hpp"

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "tests/bench/aka_work.hpp"
#include "tests/bench/random.hpp"

namespace bench {
namespace {

constexpr std::string_view kLookupPath = "/nausf-auth/v1/ue-authentications";
constexpr std::string_view kVectors = "/ndausf-vectors/v1/vectors/";
constexpr std::string_view kLookupHead = R"({"supiOrSuci":"imsi-)";
constexpr std::string_view kLookupTail = R"(","servingNetworkName":"5G:mnc001.mcc001.3gppnetwork.org"})";
constexpr std::size_t kDigits = 15;
constexpr std::uint64_t kFirstImsi = 1'010'000'000'000;

char* append(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

void write_digits(char* out, std::uint64_t value) {
  for (std::size_t i = kDigits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

char* append_hex(char* out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[(value >> shift) & 15U];
  return out;
}

/// A dIMSI, drawn anew for each request.
class OfDimsis : public Work {
 public:
  explicit OfDimsis(const Options& options)
      : first_(std::stoull(options.first_dimsi)), count_(options.count), random_(options.seed) {}

 protected:
  std::uint64_t draw(char* digits) {
    const std::uint64_t index = random_.below(count_);
    write_dimsi(digits, first_, index);
    return index;
  }
  Random& random() { return random_; }

 private:
  std::uint64_t first_;
  std::uint64_t count_;
  Random random_;
};

/// Step (4): POST ue-authentications; mode fixed sends the same elsewhere.
class Lookup : public OfDimsis {
 public:
  Lookup(const Options& options, std::string path) : OfDimsis(options), path_(std::move(path)) {}
  void begin(Exchange& exchange) override {
    char* const begin = exchange.body_text.data();
    char* out = append(begin, kLookupHead);
    draw(out);
    out = append(out + kDigits, kLookupTail);
    exchange.method = "POST";
    exchange.path = path_;
    exchange.body = {begin, static_cast<std::size_t>(out - begin)};
  }

 private:
  std::string path_;
};

/// A body of a given size to one path.
class Fixed : public Work {
 public:
  explicit Fixed(const Options& options) : path_(options.path), body_(options.body_size, 'x') {}
  void begin(Exchange& exchange) override {
    exchange.method = "POST";
    exchange.path = path_;
    exchange.body = body_;
  }

 private:
  std::string path_;
  std::string body_;
};

/// PUT or GET of vectors; a PUT's content is another each time.
class Vectors : public OfDimsis {
 public:
  Vectors(const Options& options, bool is_put) : OfDimsis(options), is_put_(is_put) {}
  void begin(Exchange& exchange) override {
    char* const digits = append(exchange.path_text.data(), kVectors);
    const std::uint64_t index = draw(digits);
    exchange.method = is_put_ ? "PUT" : "GET";
    exchange.path = {exchange.path_text.data(), kVectors.size() + kDigits};
    char* const body = exchange.body_text.data();
    exchange.body = {body, is_put_ ? write_vector(body, {}, random().next(), index) : 0};
  }

 private:
  bool is_put_;
};

/// Step (0-e): POST retrieve-key, from a file, in random order, over and over.
class Retrieve : public Work {
 public:
  explicit Retrieve(const Options& options) : requests_(read(options.bodies)), order_(requests_.size(), options.seed) {}
  void begin(Exchange& exchange) override {
    const Request& request = requests_[order_.at(next_++ % requests_.size())];
    exchange.method = "POST";
    exchange.path = request.path;
    exchange.body = request.body;
  }

 private:
  struct Request {
    std::string path;
    std::string body;
  };
  /// A line is {"dimsi":"...","body":{...}}, in this order, as scripts/bench writes it.
  static std::vector<Request> read(const std::string& name) {
    constexpr std::string_view kHead = R"({"dimsi":")";
    constexpr std::string_view kBody = R"(","body":)";
    std::ifstream file(name);
    std::vector<Request> out;
    for (std::string line; std::getline(file, line);) {
      const std::size_t body = line.find(kBody);
      if (!line.starts_with(kHead) || body == std::string::npos) throw std::runtime_error(name + ": a line has no dimsi and body");
      const std::string dimsi = line.substr(kHead.size(), body - kHead.size());
      const std::size_t begin = body + kBody.size();
      out.push_back({"/narpf-keys/v1/devices/" + dimsi + "/retrieve-key", line.substr(begin, line.rfind('}') - begin)});
    }
    if (out.empty()) throw std::runtime_error("--bodies: nothing in '" + name + "'");
    return out;
  }

  std::vector<Request> requests_;
  Permutation order_;
  std::uint64_t next_ = 0;
};

}  // namespace

void write_dimsi(char* out, std::uint64_t first, std::uint64_t index) { write_digits(out, first + index); }

std::size_t write_vector(char* const begin, std::string_view dimsi, std::uint64_t content, std::uint64_t index) {
  char* out = append(begin, "{");
  if (!dimsi.empty()) {
    out = append(out, R"("dimsi":")");
    out = append(out, dimsi);
    out = append(out, R"(",)");
  }
  out = append(out, R"("rand":")");
  out = append_hex(append_hex(out, mix(content)), mix(content + 1));
  out = append(out, R"(","autn":")");
  char* const autn = out;
  out = append_hex(append_hex(out, mix(content + 2)), mix(content + 3));
  append(autn + 12, "8000");  // octets 7 and 8: AMF with the separation bit
  out = append(out, R"(","imsi":")");
  write_digits(out, kFirstImsi + index);
  out = append(out + kDigits, R"("})");
  return static_cast<std::size_t>(out - begin);
}

std::unique_ptr<Work> make_work(const Options& options) {
  if (options.mode == "aka") return make_aka_work(options);
  if (options.mode == "retrieve") return std::make_unique<Retrieve>(options);
  if (options.mode == "put" || options.mode == "get") return std::make_unique<Vectors>(options, options.mode == "put");
  if (options.mode == "fixed" && options.body_size > 0) return std::make_unique<Fixed>(options);
  if (options.mode == "fixed" && options.path.empty()) throw std::runtime_error("mode fixed needs --path");
  return std::make_unique<Lookup>(options, options.path.empty() ? std::string(kLookupPath) : options.path);
}

}  // namespace bench

#include "tests/bench/aka_work.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <vector>

#include "lib/aka/key_hierarchy.hpp"
#include "lib/aka/milenage.hpp"
#include "lib/base/bytes.hpp"
#include "tests/bench/random.hpp"

namespace bench {
namespace {

constexpr std::string_view kNetwork = "5G:mnc001.mcc001.3gppnetwork.org";
constexpr std::string_view kPath = "/nausf-auth/v1/ue-authentications";

/// The text of a JSON member, as the functions write it: no blanks, no escapes.
std::string_view member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const std::size_t found = json.find(key);
  if (found == std::string_view::npos) return {};
  const std::size_t begin = found + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

/// Not SecretKey: keys of a bench, a million of them.
struct KnownSubscriber {
  std::string imsi;
  std::array<std::uint8_t, 16> k;
  std::array<std::uint8_t, 16> opc;
};

std::vector<KnownSubscriber> read_subscribers(const std::string& name) {
  std::ifstream file(name);
  std::vector<KnownSubscriber> out;
  for (std::string line; std::getline(file, line);) {
    const auto k = base::from_hex_exactly<16>(member(line, "k"));
    const auto opc = base::from_hex_exactly<16>(member(line, "opc"));
    const std::string_view imsi = member(line, "imsi");
    if (!k || !opc || imsi.empty()) throw std::runtime_error(name + ": a line has no imsi, k and opc");
    out.push_back({std::string(imsi), *k, *opc});
  }
  if (out.empty()) throw std::runtime_error("--subscribers: nothing in '" + name + "'");
  return out;
}

class Aka : public Work {
 public:
  explicit Aka(const Options& options)
      : subscribers_(read_subscribers(options.subscribers)),
        order_(subscribers_.size(), options.seed),
        random_(options.seed),
        is_wrong_(options.is_wrong_answer) {}

  [[nodiscard]] bool wants_answers() const override { return true; }

  /// Each subscriber once, then again: nobody is challenged twice at a time.
  void begin(Exchange& exchange) override {
    exchange.subject = order_.at(next_++ % subscribers_.size());
    exchange.step = 0;
    const std::string& imsi = subscribers_[exchange.subject].imsi;
    const int size = std::snprintf(exchange.body_text.data(), exchange.body_text.size(),
                                   R"({"supiOrSuci":"imsi-%s","servingNetworkName":"%s"})", imsi.c_str(), kNetwork.data());
    exchange.method = "POST";
    exchange.path = kPath;
    exchange.body = {exchange.body_text.data(), static_cast<std::size_t>(size)};
  }

  bool is_right(Exchange& exchange) override {
    if (exchange.step == 0) return true;
    return member(exchange.answer, "authResult") == (is_wrong_ ? "AUTHENTICATION_FAILURE" : "AUTHENTICATION_SUCCESS");
  }

  bool go_on(Exchange& exchange) override {
    if (exchange.step == 1) return false;
    const std::string_view href = member(exchange.answer, "href");
    const std::size_t path = href.find('/', std::min(href.find("//"), href.size() - 1) + 2);
    const auto rand = base::from_hex_exactly<16>(member(exchange.answer, "rand"));
    if (!rand || path == std::string_view::npos || href.size() - path > exchange.path_text.size()) return false;
    exchange.step = 1;
    exchange.method = "PUT";
    std::memcpy(exchange.path_text.data(), href.data() + path, href.size() - path);
    exchange.path = {exchange.path_text.data(), href.size() - path};
    write_answer(exchange, *rand);
    return true;
  }

 private:
  void write_answer(Exchange& exchange, const aka::Rand& rand) {
    const std::string body = R"({"resStar":")" + (is_wrong_ ? random_hex() : res_star(exchange.subject, rand)) + "\"}";
    std::memcpy(exchange.body_text.data(), body.data(), body.size());
    exchange.body = {exchange.body_text.data(), body.size()};
  }

  [[nodiscard]] std::string res_star(std::uint64_t subject, const aka::Rand& rand) const {
    const KnownSubscriber& known = subscribers_[subject];
    const aka::SubscriberKeys keys{aka::SubscriberKey(known.k), aka::OperatorVariant(known.opc)};
    const aka::Response response = aka::f2345(keys, rand);
    return base::to_hex(aka::derive_res_star(response.ck, response.ik, kNetwork, rand, response.res).reveal());
  }

  std::string random_hex() {
    std::array<std::uint8_t, 16> octets{};
    for (auto& octet : octets) octet = static_cast<std::uint8_t>(random_.next());
    return base::to_hex(octets);
  }

  std::vector<KnownSubscriber> subscribers_;
  Permutation order_;
  Random random_;
  bool is_wrong_;
  std::uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Work> make_aka_work(const Options& options) { return std::make_unique<Aka>(options); }

}  // namespace bench

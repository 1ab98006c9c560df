#include "ue-sim/rsmf_reader.hpp"

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

namespace ue_sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxBodyOctets = 64 * 1024 * 1024;
constexpr long kTimeoutMs = 5000;
constexpr auto kReadPause = 100ms;

struct FreeEasy {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};

std::size_t take_body(char* octets, std::size_t size, std::size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + size * count > kMaxBodyOctets) return 0;
  text.append(octets, size * count);
  return size * count;
}

void use_tls(CURL* easy, const sbi::TlsFiles& tls) {
  if (!tls.ca.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // or the system's CAs would be trusted as well
  }
  if (tls.certificate.empty()) return;
  curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.certificate.c_str());
  curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.private_key.c_str());
}

/// GET: the body into `body`; what went wrong, else empty.
std::string get(const std::string& url, const sbi::TlsFiles& tls, std::string& body) {
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  if (!easy) return "libcurl cannot begin";
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy.get(), CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);  // in clear 1.1
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  use_tls(easy.get(), tls);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code != CURLE_OK) return curl_easy_strerror(code);
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return status == 200 ? std::string() : "status " + std::to_string(status);
}

}  // namespace

RsmfReader::RsmfReader(std::string url, sbi::TlsFiles tls)
    : url_(std::move(url)), tls_(std::move(tls)), thread_([this] { read_until_stopped(); }) {}

RsmfReader::~RsmfReader() {
  is_stopped_ = true;
  thread_.join();
}

bool RsmfReader::has(const std::string& dimsi, const std::string& imsi) const {
  const std::lock_guard lock(mutex_);
  return notified_.contains({dimsi, imsi});
}

std::string RsmfReader::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

void RsmfReader::read_until_stopped() {
  while (!is_stopped_) {
    read_once();
    std::this_thread::sleep_for(kReadPause);
  }
}

void RsmfReader::read_once() {
  std::string body;
  std::string fault = get(url_, tls_, body);
  const auto list = nlohmann::json::parse(body, nullptr, false);
  if (fault.empty() && !list.is_array()) fault = "the answer is no list";
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  if (!fault.empty()) return;
  for (const auto& item : list) {
    if (!item.is_object()) continue;
    const auto dimsi = item.find("dimsi");
    const auto imsi = item.find("imsi");
    if (dimsi == item.end() || imsi == item.end() || !dimsi->is_string() || !imsi->is_string()) continue;
    notified_.emplace(dimsi->get<std::string>(), imsi->get<std::string>());
  }
}

}  // namespace ue_sim

#include "lib/web/http_client.hpp"

#include <curl/curl.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>

#include "lib/base/secret_file.hpp"

namespace web {
namespace {

namespace asio = boost::asio;

constexpr long kMaxConnections = 64;
constexpr int kPollMs = 1000;
constexpr const char* kTls12Suites = "ECDHE+AESGCM:ECDHE+CHACHA20";  ///< as lib/sbi/tls.cpp; those of TLS 1.3 are all of this kind
constexpr std::size_t kMaxPemOctets = 4 * 1024 * 1024;  ///< libcurl takes no more than 8 MB
constexpr std::size_t kMaxBodyOctets = 1024 * 1024;  ///< of an answer; one that has more would keep the thread from the others

std::string read_pem(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.empty()) throw std::runtime_error("the file " + path + " cannot be read, or is empty");
  if (text.size() > kMaxPemOctets) throw std::runtime_error("the file " + path + " is too large");
  return text;
}

/// What the files held when they were read: libcurl itself would read them at each connection, half renewed or not, and keep the CAs of some for a day.
struct Credentials {
  explicit Credentials(const TlsFiles& files) {
    if (!files.ca.empty()) ca = read_pem(files.ca);
    if (files.certificate.empty()) return;
    certificate = read_pem(files.certificate);
    private_key = base::read_secret_file(files.private_key);
  }
  std::string certificate;
  base::SecretBytes private_key;
  std::string ca;
};

struct Transfer {
  std::string url;
  std::string body;
  std::shared_ptr<const Credentials> tls;  ///< libcurl copies no key
  std::chrono::milliseconds deadline;
  std::function<void(std::exception_ptr, int status)> done;
  curl_slist* headers = nullptr;
  std::size_t answered_octets = 0;  ///< of the answer's body
  bool has_whole_head = false;
};

/// Counts the octets of a body, of which none are kept. Beyond the limit it takes no more, which ends the transfer.
std::size_t discard(char*, std::size_t size, std::size_t count, void* transfer) {
  std::size_t& octets = static_cast<Transfer*>(transfer)->answered_octets;
  octets += size * count;
  return octets <= kMaxBodyOctets ? size * count : 0;
}

/// A line of a head, or of a trailer. libcurl takes a head that broke off behind its status line for a whole one; libcurl limits its length.
std::size_t note_head(char* octets, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view line(octets, size * count);
  bool& is_whole = static_cast<Transfer*>(transfer)->has_whole_head;
  if (line.starts_with("HTTP/")) is_whole = false;  // another one may come before it: 1xx
  if (line == "\r\n" || line == "\n") is_whole = true;
  return line.size();
}

/// `octets` stay as long as the handle. Should the call fail, for want of memory, nobody is trusted, or nothing shown.
void give(CURL* easy, CURLoption option, base::BytesView octets) {
  curl_blob blob{const_cast<std::uint8_t*>(octets.data()), octets.size(), CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, option, &blob);
}

void use_credentials(CURL* easy, const Credentials& tls) {
  constexpr const char* kNone = nullptr;
  // Nothing older than 1.2, AEAD with forward secrecy alone, no session resumed.
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, kTls12Suites);
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (!tls.ca.empty()) {  // in the place of the system's, of which libcurl's folder would stay beside a file of ours
    curl_easy_setopt(easy, CURLOPT_CAINFO, kNone);
    curl_easy_setopt(easy, CURLOPT_CAPATH, kNone);
    give(easy, CURLOPT_CAINFO_BLOB, base::as_bytes(tls.ca));
  }
  if (tls.certificate.empty()) return;
  give(easy, CURLOPT_SSLCERT_BLOB, base::as_bytes(tls.certificate));
  give(easy, CURLOPT_SSLKEY_BLOB, tls.private_key.reveal());
}

/// What is wrong with an answer; empty: nothing.
std::string fault_of(const Transfer& transfer, CURLcode result) {
  if (transfer.answered_octets > kMaxBodyOctets) return "the answer's body is too large";
  if (result != CURLE_OK) return curl_easy_strerror(result);
  return transfer.has_whole_head ? "" : "the answer's head broke off";
}

}  // namespace

struct HttpClient::State {
  CURLM* multi = nullptr;
  std::mutex mutex;
  std::shared_ptr<const Credentials> tls;
  std::deque<std::unique_ptr<Transfer>> waiting;
  bool is_stopping = false;
  std::map<CURL*, std::unique_ptr<Transfer>> running;  ///< the thread's own
  std::thread thread;

  void enqueue(std::unique_ptr<Transfer> transfer) {
    {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi);
  }

  void begin(std::unique_ptr<Transfer> transfer) {
    CURL* easy = curl_easy_init();
    transfer->headers = curl_slist_append(nullptr, "content-type: application/json");
    transfer->headers = curl_slist_append(transfer->headers, "expect:");
    curl_easy_setopt(easy, CURLOPT_URL, transfer->url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // none, whatever the environment says: where notifications go is configuration
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer->body.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer->deadline.count()));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &discard);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &note_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer.get());
    transfer->tls = tls;
    use_credentials(easy, *transfer->tls);
    curl_multi_add_handle(multi, easy);
    running.emplace(easy, std::move(transfer));
  }

  void finish(CURL* easy, CURLcode result) {
    const auto found = running.find(easy);
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    running.erase(found);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(transfer->headers);
    std::exception_ptr failure;
    const std::string fault = fault_of(*transfer, result);
    if (!fault.empty()) failure = std::make_exception_ptr(HttpError(transfer->url + ": " + fault));
    transfer->done(failure, static_cast<int>(status));
  }

  void run() {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (is_stopping) break;
        while (!waiting.empty()) {
          begin(std::move(waiting.front()));
          waiting.pop_front();
        }
      }
      int running_count = 0;
      curl_multi_perform(multi, &running_count);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
      }
      curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
    }
    while (!running.empty()) finish(running.begin()->first, CURLE_ABORTED_BY_CALLBACK);
  }
};

HttpClient::HttpClient(const TlsFiles& tls) : state_(std::make_unique<State>()) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  state_->tls = std::make_shared<const Credentials>(tls);
  state_->multi = initialised == CURLE_OK ? curl_multi_init() : nullptr;
  if (state_->multi == nullptr) throw std::runtime_error("libcurl could not be initialised");
  curl_multi_setopt(state_->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, kMaxConnections);
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

HttpClient::~HttpClient() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  curl_multi_wakeup(state_->multi);
  state_->thread.join();
  curl_multi_cleanup(state_->multi);
}

void HttpClient::use_tls(const TlsFiles& tls) {
  auto fresh = std::make_shared<const Credentials>(tls);
  const std::lock_guard lock(state_->mutex);
  state_->tls.swap(fresh);
}

asio::awaitable<int> HttpClient::post_json(std::string url, std::string json, std::chrono::milliseconds deadline) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto transfer = std::make_unique<Transfer>();
  transfer->url = std::move(url);
  transfer->body = std::move(json);
  transfer->deadline = deadline;
  const auto initiate = [this, executor](auto handler, std::unique_ptr<Transfer> job) {
    using Handler = decltype(handler);
    const auto shared = std::make_shared<Handler>(std::move(handler));
    job->done = [shared, executor](std::exception_ptr failure, int status) {
      asio::post(executor, [shared, failure, status] { std::move (*shared)(failure, status); });
    };
    state_->enqueue(std::move(job));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, int)>(
      initiate, asio::use_awaitable, std::move(transfer));
}

}  // namespace web

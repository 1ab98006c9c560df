#include "tests/support/fake_function.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/patient_limits.hpp"

namespace test {

using boost::asio::awaitable;
using nlohmann::json;
using nlohmann::ordered_json;
using sbi::Request;
using sbi::Response;

namespace {

constexpr std::size_t kMaxKept = 1024 * 1024;
constexpr std::size_t kHalf = 512 * 1024;  ///< more than a server keeps back: the head is on its way before it stops
constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
constexpr const char* kContexts = "/nausf-auth/v1/ue-authentications";

std::string path_of(const Request& request) { return request.target.substr(0, request.target.find('?')); }

Response open5gs_problem(int status, const std::string& cause) {
  return Response(status, sbi::kProblemJson,
                  ordered_json{{"status", status}, {"title", "as Open5GS says it"}, {"cause", cause}}.dump());
}

}  // namespace

/// So many octets, a piece at a time; then the end, or a failure.
class FakeFunction::Source final : public sbi::BodyReader {
 public:
  Source(std::atomic<std::size_t>& given, std::size_t octets, bool breaks) : given_(given), left_(octets), breaks_(breaks) {}
  awaitable<std::optional<std::string>> next() override {
    const std::size_t size = std::min<std::size_t>(left_, 16 * 1024);
    if (size == 0 && breaks_) throw std::runtime_error("this answer stops half way");
    if (size == 0) co_return std::nullopt;
    left_ -= left_ == kNever ? 0 : size;
    given_ += size;
    std::string piece(size, ' ');
    co_return std::move(piece);
  }

 private:
  std::atomic<std::size_t>& given_;
  std::size_t left_;
  bool breaks_;
};

FakeFunction::FakeFunction(Answer answer, std::uint16_t port)
    : answer_(std::move(answer)), held_(loop_.io(), std::chrono::steady_clock::time_point::max()) {
  router_.add("*", "/{rest...}", sbi::BodyKind::none,
              sbi::StreamingHandler(
                  [this](const Request& request, const std::shared_ptr<sbi::BodyReader>& body) { return serve(request, body); }));
  sbi::ServerLimits limits = patient_limits();
  limits.http2.max_streams = 10000;
  port_ = loop_.run([&] {
    server_ = std::make_unique<sbi::Http2Server>(loop_.io(), router_, limits);
    return server_->listen("127.0.0.1", port, nullptr);
  });
}

FakeFunction::~FakeFunction() {
  release();
  loop_.run([this] { server_.reset(); });
  loop_.stop();
}

void FakeFunction::release() {
  fault_ = Fault::none;
  loop_.run([this] { held_.cancel(); });
}

std::vector<Request> FakeFunction::asked() {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void FakeFunction::forget_asked() {
  const std::lock_guard lock(mutex_);
  asked_.clear();
}

Response FakeFunction::large(std::size_t octets) {
  Response response(200);
  response.with("content-type", "application/octet-stream");
  response.stream = std::make_shared<Source>(octets_given_, octets, false);
  return response;
}

bool FakeFunction::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

awaitable<void> FakeFunction::hang() {
  ++hanging_;
  boost::system::error_code ignored;
  co_await held_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  --hanging_;
}

awaitable<Response> FakeFunction::serve(const Request& request, std::shared_ptr<sbi::BodyReader> body) {
  Request whole = request;
  if (fault_ == Fault::no_read) co_await hang();
  while (true) {
    const std::optional<std::string> piece = co_await body->next();
    if (!piece) break;
    octets_taken_ += piece->size();
    if (whole.body.size() < kMaxKept) whole.body += *piece;
  }
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(whole);
  }
  if (fault_ == Fault::hang) co_await hang();
  Response response = faulty(whole);
  co_return std::move(response);
}

Response FakeFunction::faulty(const Request& request) {
  switch (fault_) {
    case Fault::half: {
      Response response = answer_(request);
      response.body.clear();
      response.stream = std::make_shared<Source>(octets_given_, kHalf, true);
      return response;
    }
    case Fault::endless: {
      Response response(200);
      response.with("content-type", sbi::kJson);
      response.stream = std::make_shared<Source>(octets_given_, kNever, false);
      return response;
    }
    case Fault::garbage:
      return Response(200, sbi::kJson, std::string("{\"_links\":{\"5g-aka\":{\"href\":\"\xFF\0", 31));
    case Fault::wrong_content_type:
      return Response(200, "text/html", "<html>_links</html>");
    case Fault::redirect:
      return Response(307).with("location", "/elsewhere" + path_of(request));
    case Fault::overload:
      return open5gs_problem(503, "NF_CONGESTION").with("retry-after", "3");
    default:
      return answer_(request);
  }
}

struct NoHttp2::State {
  explicit State(std::string text)
      : octets(std::move(text)), acceptor(loop.io(), {boost::asio::ip::make_address("127.0.0.1"), 0}) {}
  void accept() {
    acceptor.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      boost::asio::write(socket, boost::asio::buffer(octets), error);
      sockets.push_back(std::move(socket));
      accept();
    });
  }
  std::string octets;
  Loop loop;
  boost::asio::ip::tcp::acceptor acceptor;
  std::vector<boost::asio::ip::tcp::socket> sockets;
};

NoHttp2::NoHttp2(std::string octets) : state_(std::make_unique<State>(std::move(octets))) {
  state_->loop.run([this] { state_->accept(); });
}
NoHttp2::~NoHttp2() { state_->loop.stop(); }
sbi::Uri NoHttp2::root() const {
  return sbi::Uri::parse("http://127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port()));
}

// --- AUSF ---------------------------------------------------------------------------------------------------------------------

void FakeAusf::forget_contexts() {
  const std::lock_guard lock(mutex_);
  contexts_.clear();
  next_ = 1;
}

std::size_t FakeAusf::contexts() {
  const std::lock_guard lock(mutex_);
  return contexts_.size();
}

Response FakeAusf::answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  const std::string path = path_of(request);
  const std::string root = kContexts;
  if (path == root && request.method == "POST") return create(request);
  if (path == root + "/deregister" && request.method == "POST") return Response(204);
  if (!path.starts_with(root + "/")) return open5gs_problem(404, "RESOURCE_URI_STRUCTURE_NOT_FOUND");
  const std::string rest = path.substr(root.size() + 1);
  const std::string context = rest.substr(0, rest.find('/'));
  if (!contexts_.contains(context)) return open5gs_problem(404, "CONTEXT_NOT_FOUND");
  if (request.method == "DELETE") {
    contexts_.erase(context);
    return Response(204);
  }
  return confirm(request, context);
}

std::string FakeAusf::location_of(const std::string& context) const {
  const std::string path = std::string(kContexts) + "/" + context;
  switch (oddity_) {
    case Oddity::relative_location:
      return path;
    case Oddity::bare_location:
      return "ue-authentications/" + context;
    case Oddity::foreign_location:
      return "http://ausf.example:1" + path;
    case Oddity::garbage_location:
      return "http://[/ x";
    default:
      return function_.uri() + path;
  }
}

Response FakeAusf::create(const Request& request) {
  const json asked = json::parse(request.body, nullptr, false);
  if (!asked.is_object() || !asked.contains("supiOrSuci")) return open5gs_problem(400, "MANDATORY_IE_MISSING");
  const std::string identity = asked["supiOrSuci"];
  if (identity.ends_with("404")) return open5gs_problem(404, "USER_NOT_FOUND");
  const std::string context = std::to_string(next_++);
  contexts_[context] = "imsi-001010000000099";
  const std::string location = location_of(context);
  std::string href = location + (uses_eap_ ? "/eap-session" : "/5g-aka-confirmation");
  if (oddity_ == Oddity::garbage_link) href = "http://[/ x";
  ordered_json body;
  body["authType"] = uses_eap_ ? "EAP_AKA_PRIME" : "5G_AKA";
  if (uses_eap_) {
    body["5gAuthData"] = "AQEACDIBAAA=";
    body["_links"]["eap-session"]["href"] = href;
  } else {
    body["5gAuthData"] = {{"rand", std::string(32, '1')}, {"hxresStar", std::string(32, '2')}, {"autn", std::string(32, '3')}};
    body["_links"]["5g-aka"]["href"] = href;
  }
  Response response(201);
  if (oddity_ != Oddity::no_location) response.with("location", location);
  response.with("content-type", sbi::kHalJson);
  response.body = body.dump();
  return response;
}

Response FakeAusf::confirm(const Request& request, const std::string& context) {
  const json asked = json::parse(request.body, nullptr, false);
  const std::string supi = oddity_ == Oddity::short_supi ? "imsi-" : contexts_[context];
  if (uses_eap_) {
    return Response(
        200, sbi::kJson,
        ordered_json{
            {"eapPayload", "AwEABA=="}, {"authResult", "AUTHENTICATION_SUCCESS"}, {"supi", supi}, {"kSeaf", std::string(64, '4')}}
            .dump());
  }
  if (!asked.is_object() || asked.value("resStar", "") != kResStar) return open5gs_problem(400, "");
  return Response(200, sbi::kJson,
                  ordered_json{{"authResult", "AUTHENTICATION_SUCCESS"}, {"supi", supi}, {"kseaf", std::string(64, '4')}}.dump());
}

// --- UDM ----------------------------------------------------------------------------------------------------------------------

void FakeUdm::forget() {
  const std::lock_guard lock(mutex_);
  resources_.clear();
  next_ = 1;
}

Response FakeUdm::answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  const std::string path = path_of(request);
  const std::size_t large = path.find("/large/");
  if (large != std::string::npos && request.method == "GET") return function_.large(std::stoul(path.substr(large + 7)));
  if (path.ends_with("/generate-auth-data")) {
    const ordered_json vector{{"avType", "5G_HE_AKA"},
                              {"rand", std::string(32, '1')},
                              {"autn", std::string(32, '3')},
                              {"xresStar", FakeAusf::kResStar},
                              {"kausf", std::string(64, '6')}};
    return Response(
        200, sbi::kJson,
        ordered_json{{"authType", "5G_AKA"}, {"authenticationVector", vector}, {"supi", "imsi-001010000000099"}}.dump());
  }
  if (path.ends_with("/auth-events") && request.method == "PUT") return Response(204);  // Open5GS' own way to remove
  return resource(request, path);
}

Response FakeUdm::resource(const Request& request, const std::string& path) {
  if (request.method == "POST") {
    const std::string made = path + "/" + std::to_string(next_++);
    resources_[made] = request.body;
    return Response(201, sbi::kJson, request.body).with("location", function_.uri() + made);
  }
  const auto found = resources_.find(path);
  const bool is_known = found != resources_.end();
  if (request.method == "PUT") {
    resources_[path] = request.body;
    if (path.find("/auth-events/") != std::string::npos) return Response(204);
    Response response(is_known ? 200 : 201, sbi::kJson, request.body);
    if (!is_known) response.with("location", function_.uri() + path);
    return response;
  }
  if (!is_known) return open5gs_problem(404, "USER_NOT_FOUND");
  if (request.method == "GET")
    return Response(200, sbi::kJson, found->second).with("etag", "\"1\"").with("cache-control", "max-age=10");
  if (request.method == "DELETE") resources_.erase(found);
  return Response(204);
}

}  // namespace test

// Authentications that are relayed to another AUSF are bound to whom they were begun by as well, at both functions that relay.
#include "tests/scenarios/routing_lab.hpp"
#include "tests/scenarios/tls_lab.hpp"

using namespace test;
using service::Role;

namespace {

/// Four AMFs, two of them of one set, and an AUSF that was there before.
struct RelayedBindingLab : TlsLab {
  explicit RelayedBindingLab(bool uses_eap = false) : old_ausf(uses_eap) {}

  static std::vector<service::PeerRights> amfs() {
    return {{"amf-1.example", {Role::access_network}, {}},
            {"amf-2.example", {Role::access_network}, {}},
            {"amf-3.example", {Role::access_network}, {}, "pool"},
            {"amf-4.example", {Role::access_network}, {}, "pool"}};
  }
  /// Others' subscribers go to the old AUSF, all else is refused.
  [[nodiscard]] core::PlmnRouting table() {
    return {{{plmn_of("001", "01"), std::nullopt, std::nullopt, peers_at({old_ausf->root()}, {})}}, core::Refused{404, "USER_NOT_FOUND"}};
  }
  [[nodiscard]] ausf_ext::Config ausf_config() {
    auto config = with_tls(ausf_ext_config());
    config.routing = table();
    config.access = service::Access(amfs());
    return config;
  }
  [[nodiscard]] d_ausf::Config vectors_config() {
    auto config = with_tls(d_ausf_config());
    config.routing = table();
    config.peers = amfs();
    return config;
  }
  void start(bool is_d_ausf) {
    is_d_ausf ? start_d_ausf(vectors_config()) : start_ausf_ext(ausf_config());
    port = is_d_ausf ? d_ausf_port : ausf_port;
  }
  Answer ask(const std::string& peer, const std::string& method, const std::string& target, const json& body = nullptr) {
    return by(peer).send_raw(port, method, target, body.is_null() ? "" : body.dump(), {});
  }
  Answer begin(const std::string& amf) {
    Answer challenge = ask(amf, "POST", kContexts, json::parse(authentication_of(kTheirs)));
    REQUIRE(challenge.status == 201);
    const std::string root = "https://127.0.0.1:" + std::to_string(port);
    CHECK(challenge.header("location").starts_with(root + kContexts + "/r-"));
    return challenge;
  }
  static std::string link(const Answer& challenge, const std::string& name) {
    const std::string href = challenge.content()["_links"][name]["href"];
    CHECK(href.starts_with(challenge.header("location") + "/"));
    return sbi::Uri::parse(href).path;
  }
  /// To this peer the context is as one that there never was, and the AUSF behind is told nothing.
  Answer check_is_not_there(const std::string& peer, const std::string& method, const std::string& path, const json& body = nullptr) {
    const std::size_t id_end = path.find('/', kContexts.size() + 1);
    const std::string never = kContexts + "/r-" + std::string(id_end - kContexts.size() - 3, 'A') + path.substr(id_end);
    const std::size_t asked = old_ausf->times_asked();
    const Answer refused = ask(peer, method, path, body);
    const Answer unknown = ask(peer, method, never, body);
    CHECK(refused.verdict() == unknown.verdict());
    CHECK(refused.content().value("detail", "") == unknown.content().value("detail", "-"));
    CHECK(old_ausf->times_asked() == asked);
    return refused;
  }

  FakeAusf old_ausf;
  std::uint16_t port = 0;
};

struct EapRelayedBindingLab : RelayedBindingLab {
  EapRelayedBindingLab() : RelayedBindingLab(true) {}
};

const std::string kNotThere = "404 CONTEXT_NOT_FOUND";
const json kRight{{"resStar", FakeAusf::kResStar}};
const json kResponse{{"eapPayload", "AgEACDIBAAA="}};

}  // namespace

TEST_CASE_METHOD(RelayedBindingLab, "A relayed context answers the peer that began it, and is not there for another one",
                 "[routing][access][contexts]") {
  start(GENERATE(false, true));
  const std::string path = link(begin("amf-1.example"), "5g-aka");
  for (const char* const other : {"amf-2.example", "amf-3.example"}) {
    CHECK(check_is_not_there(other, "PUT", path, kRight).verdict() == kNotThere);
    CHECK(check_is_not_there(other, "DELETE", path).verdict() == kNotThere);
  }
  CHECK(old_ausf.contexts() == 1);
  const Answer done = ask("amf-1.example", "PUT", path, kRight);
  CHECK(done.content()["authResult"] == kSuccess);
  CHECK(done.content().contains("kseaf"));
  CHECK(check_is_not_there("amf-2.example", "PUT", path, kRight).verdict() == kNotThere);
  CHECK(ask("amf-1.example", "DELETE", path).status == 204);
  CHECK(old_ausf.contexts() == 0);
  CHECK(ask("amf-1.example", "PUT", path, kRight).verdict() == kNotThere);  // as the AUSF behind says now
}

TEST_CASE_METHOD(EapRelayedBindingLab, "A relayed EAP session goes on with the peer that began it, and is not there for another one",
                 "[routing][access][contexts]") {
  const bool is_d_ausf = GENERATE(false, true);
  start(is_d_ausf);
  const std::string path = link(begin("amf-1.example"), "eap-session");
  for (const char* const other : {"amf-2.example", "amf-3.example"}) {
    // nf-d-ausf has no EAP sessions of its own: what it does not know goes by the default of its table.
    const std::string not_there = is_d_ausf ? "404 USER_NOT_FOUND" : kNotThere;
    CHECK(check_is_not_there(other, "POST", path, kResponse).verdict() == not_there);
    CHECK(check_is_not_there(other, "DELETE", path).verdict() == not_there);
  }
  CHECK(old_ausf.contexts() == 1);
  const Answer done = ask("amf-1.example", "POST", path, kResponse);
  CHECK(done.content()["authResult"] == kSuccess);
  CHECK(done.content().contains("kSeaf"));
  CHECK(ask("amf-1.example", "DELETE", path).status == 204);
  CHECK(old_ausf.contexts() == 0);
}

TEST_CASE_METHOD(RelayedBindingLab, "AMFs of one set go on with a relayed authentication that another one of them began",
                 "[routing][access][contexts]") {
  start(GENERATE(false, true));
  const std::string path = link(begin("amf-3.example"), "5g-aka");
  CHECK(check_is_not_there("amf-1.example", "PUT", path, kRight).verdict() == kNotThere);
  CHECK(ask("amf-4.example", "PUT", path, kRight).content()["authResult"] == kSuccess);
  CHECK(ask("amf-4.example", "DELETE", path).status == 204);
}

TEST_CASE_METHOD(RelayedBindingLab, "A relayed context goes on after a restart, with the peer that began it alone", "[routing][access][contexts]") {
  start(true);
  const std::string path = link(begin("amf-1.example"), "5g-aka");
  d_ausf.reset();
  start(true);
  CHECK(check_is_not_there("amf-2.example", "PUT", path, kRight).verdict() == kNotThere);
  CHECK(ask("amf-1.example", "PUT", path, kRight).content()["authResult"] == kSuccess);
}

TEST_CASE_METHOD(RelayedBindingLab, "Callers behind one SCP are that SCP, and go on with what it began for them", "[routing][access][contexts]") {
  auto config = ausf_config();
  auto peers = amfs();
  peers.push_back({"scp.example", {Role::access_network}, {}});
  config.access = service::Access(std::move(peers));
  start_ausf_ext(std::move(config));
  port = ausf_port;
  const std::string path = link(begin("scp.example"), "5g-aka");
  CHECK(check_is_not_there("amf-1.example", "PUT", path, kRight).verdict() == kNotThere);
  CHECK(ask("scp.example", "PUT", path, kRight).content()["authResult"] == kSuccess);
}

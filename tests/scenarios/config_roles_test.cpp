// Who is what to a function: no entry that says nothing, two things, or everything.
#include <functional>

#include "tests/scenarios/sound_yaml.hpp"

using Catch::Contains;
using Catch::StartsWith;
using test::SoundYaml;

namespace {

/// A key that says who is what, in line 4 of a function's configuration.
struct KeyOfRoles {
  std::function<std::string(const std::string& more, const std::string& sbi)> problems;  ///< of that function
  std::string more;   ///< the key, and what has to stand beside it
  std::string place;
};

const std::string kInert = "says who is what, but every caller may stay anonymous and is everybody then: give the listeners of sbi: server tls with ca and "
                           "verify_client: true, or sbi oauth2 with mode: required, or leave this out";
const std::string kOperators = "  operators: [{peer: a, operator: One}]\n";
const std::string kAccess = "  access: [{peer: a, as: [service_provider, rsmf, ausf]}]\n";

struct RolesYaml : SoundYaml {
  [[nodiscard]] std::vector<KeyOfRoles> keys() const {
    const auto arpf = [this](const std::string& more, const std::string& sbi) { return arpf_problems(arpf_yaml(more, sbi)); };
    const auto d_ausf = [](const std::string& more, const std::string& sbi) { return d_ausf_problems(d_ausf_yaml(more, sbi)); };
    const auto ausf_ext = [this](const std::string& more, const std::string& sbi) { return ausf_ext_problems(ausf_ext_yaml(more, sbi)); };
    return {{arpf, kOperators, "x.yaml:4:14: arpf.operators: "},
            {arpf, "  administrators: [a]\n" + kOperators, "x.yaml:4:19: arpf.administrators: "},
            {d_ausf, "  access: [{peer: a, as: access_network}]\n  owners: [{peer: a, all_dimsis: true}]\n", "x.yaml:4:11: d_ausf.access: "},
            {ausf_ext, kAccess, "x.yaml:4:11: ausf_ext.access: "},
            {ausf_ext, "  providers: [{peer: a, dimsi_ranges: [{from: '901700', to: '901709'}]}]\n" + kAccess, "x.yaml:4:14: ausf_ext.providers: "}};
  }
  /// Its listener of HTTP/2 at an address beyond loopback, as is meant.
  static std::string beyond(const std::string& sbi) {
    return test::changed(sbi, "address: 127.0.0.1", "address: 10.0.0.1, insecure_beyond_loopback: true");
  }
};

}  // namespace

TEST_CASE_METHOD(RolesYaml, "Who says which peer is what has peers that are known", "[arpf][d-ausf][ausf-ext][config][access]") {
  for (const KeyOfRoles& key : keys()) {
    CAPTURE(key.place);
    for (const std::string& sbi : {verifying_sbi(), token_sbi("required"), beyond(verifying_sbi()), beyond(token_sbi("required"))}) {
      CAPTURE(sbi);
      CHECK(key.problems(key.more, sbi) == "");
    }
    const std::string certificate_alone = "  sbi: {server: {address: 127.0.0.1, " + listener_tls("") + "}}\n";
    for (const std::string& sbi : {kSbi, token_sbi("off"), certificate_alone, beyond(kSbi)}) {
      CAPTURE(sbi);
      CHECK(key.problems("", sbi) == "");
      CHECK_THAT(key.problems(key.more, sbi), StartsWith(key.place + kInert));
    }
  }
}

TEST_CASE_METHOD(RolesYaml, "In a lab at loopback addresses a peer that may say who it is has its roles", "[arpf][d-ausf][ausf-ext][config][access]") {
  for (const KeyOfRoles& key : keys()) {
    CAPTURE(key.place);
    for (const std::string& sbi : {token_sbi("optional"), asking_sbi()}) {
      CAPTURE(sbi);
      CHECK(key.problems(key.more, sbi) == "");
      CHECK_THAT(key.problems(key.more, beyond(sbi)), StartsWith(key.place + kInert));
      const std::string http1 = test::changed(sbi, "sbi: {", "sbi: {http1: {address: 10.0.0.2, insecure_beyond_loopback: true}, ");
      CHECK_THAT(key.problems(key.more, http1), StartsWith(key.place + kInert));
    }
  }
}

TEST_CASE_METHOD(SoundYaml, "nf-ausf-ext is for an access network, or for an AUSF whose UDM it is, or for both", "[ausf-ext][config][access]") {
  const auto problems = [this](const std::string& roles) {
    return ausf_ext_problems(ausf_ext_yaml("  access: [{peer: a, as: [" + roles + "]}]\n", verifying_sbi()));
  };
  const auto nobody = [](const std::string& role) {
    return "x.yaml:4:11: ausf_ext.access: names no peer that is " + role + ", and a listener demands certificates: everybody would be refused";
  };
  CHECK(problems("service_provider, rsmf, access_network, ausf") == "");
  CHECK(problems("service_provider, rsmf, access_network") == "");
  CHECK(problems("service_provider, rsmf, ausf") == "");
  CHECK(problems("service_provider, rsmf, core_function") == nobody("access_network or ausf"));
  CHECK(problems("service_provider, ausf") == nobody("rsmf"));
  CHECK(problems("rsmf, ausf") == nobody("service_provider"));
}

TEST_CASE_METHOD(SoundYaml, "A peer speaks for one operator at the ARPF", "[arpf][config][access]") {
  const auto problems = [this](const std::string& second) {
    return arpf_problems(arpf_yaml("  operators: [{peer: a, operator: One}, {peer: " + second + ", operator: Two}]\n", verifying_sbi()));
  };
  CHECK(problems("b") == "");
  CHECK(problems("a") == "x.yaml:4:48: arpf.operators[1].peer: a has an entry already");
  CHECK_THAT(problems("'*'"), Contains("arpf.operators: * stands for nobody here: name the peers"));
}

TEST_CASE_METHOD(SoundYaml, "Not every peer is a target AUSF: an owner has a name", "[d-ausf][config][access]") {
  const auto problems = [this](const std::string& peer) {
    return d_ausf_problems(d_ausf_yaml("  owners: [{peer: " + peer + ", all_dimsis: true}]\n  access: [{peer: '*', as: access_network}]\n", verifying_sbi()));
  };
  CHECK(problems("ausf.example") == "");
  CHECK(problems("'*'") == "x.yaml:4:19: d_ausf.owners[0].peer: * stands for nobody here: name the peers");
  CHECK(d_ausf_problems(d_ausf_yaml("  owners: [{peer: '*', all_dimsis: true}]\n")) == "x.yaml:4:19: d_ausf.owners[0].peer: * stands for nobody here: name the peers");
}

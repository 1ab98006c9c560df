// Who is what to a function: no entry that says nothing, two things, or everything.
#include "tests/scenarios/sound_yaml.hpp"

using Catch::Contains;
using Catch::StartsWith;
using test::SoundYaml;

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
    return d_ausf_problems(d_ausf_yaml("  owners: [{peer: " + peer + "}]\n  access: [{peer: '*', as: access_network}]\n", verifying_sbi()));
  };
  CHECK(problems("ausf.example") == "");
  CHECK(problems("'*'") == "x.yaml:4:19: d_ausf.owners[0].peer: * stands for nobody here: name the peers");
  CHECK(d_ausf_problems(d_ausf_yaml("  owners: [{peer: '*'}]\n")) == "x.yaml:4:19: d_ausf.owners[0].peer: * stands for nobody here: name the peers");
}

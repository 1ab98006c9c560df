#include "nf-arpf/function.hpp"

int main(int argc, char** argv) {
  const auto read = [](const service::YamlDocument& document) { return arpf::make_function(document); };
  return service::main(arpf::kProgram, argc, argv, read, arpf::commands());
}

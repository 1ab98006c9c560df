#include "nf-arpf/function.hpp"

int main(int argc, char** argv) {
  return service::main(arpf::kProgram, argc, argv,
                       [](const service::YamlDocument& document) { return arpf::make_function(document); });
}

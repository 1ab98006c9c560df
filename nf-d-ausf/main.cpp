#include "nf-d-ausf/function.hpp"

int main(int argc, char** argv) {
  return service::main(d_ausf::kProgram, argc, argv,
                       [](const service::YamlDocument& document) { return d_ausf::make_function(document); });
}

#include "nf-d-ausf/function.hpp"

int main(int argc, char** argv) {
  const auto read = [](const service::YamlDocument& document) { return d_ausf::make_function(document); };
  return service::main(d_ausf::kProgram, argc, argv, read, d_ausf::commands());
}

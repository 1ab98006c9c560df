#include "nf-ausf-ext/function.hpp"

int main(int argc, char** argv) {
  const auto read = [](const service::YamlDocument& document) { return ausf_ext::make_function(document); };
  return service::main(ausf_ext::kProgram, argc, argv, read, ausf_ext::commands());
}

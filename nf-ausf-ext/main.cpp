#include "nf-ausf-ext/function.hpp"

int main(int argc, char** argv) {
  return service::main(ausf_ext::kProgram, argc, argv,
                       [](const service::YamlDocument& document) { return ausf_ext::make_function(document); });
}

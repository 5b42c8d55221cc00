// A scenario's YAML: anything in a file gives a plan or mistakes with their places.

#include <cstdlib>
#include <string>

#include "sim/plan/yaml/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto plan = meshdict::sim::load_plan(std::string(reinterpret_cast<const char*>(data), size), "plan.yaml");
  if (!plan && plan.error().empty()) std::abort();
  return 0;
}

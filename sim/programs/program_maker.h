#pragma once
// Brings programs and oracles of a user's into each run.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "meshdict/sim/main.h"
#include "sim/machines/guests.h"
#include "sim/programs/program_world.h"

namespace meshdict::sim {

class ProgramMaker final : public GuestMaker {
 public:
  explicit ProgramMaker(Programs programs, std::vector<Oracle> oracles = {})
      : programs_(std::move(programs)), oracles_(std::move(oracles)) {}

  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, program] : programs_)
      names.push_back(name);
    return names;
  }
  [[nodiscard]] std::unique_ptr<Guests> make(Stage& stage, Nodes& nodes) const override {
    return std::make_unique<ProgramWorld>(stage, nodes, programs_, oracles_);
  }

 private:
  Programs programs_;
  std::vector<Oracle> oracles_;
};

}  // namespace meshdict::sim

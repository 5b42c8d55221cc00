#include "meshdict/sim/main.h"

#include "sim/commands/entry.h"
#include "sim/programs/program_maker.h"

namespace meshdict::sim {

int main(int argc, char** argv, const Programs& programs, const std::vector<Always>& oracles) {
  const ProgramMaker maker(programs, oracles);
  return run_command_line(argc, argv, &maker);
}

}  // namespace meshdict::sim

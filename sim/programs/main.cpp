#include "meshdict/sim/main.h"

#include <malloc.h>

#include "sim/commands/entry.h"
#include "sim/programs/program_maker.h"

namespace meshdict::sim {

int main(int argc, char** argv, const Programs& programs, const std::vector<Oracle>& oracles) {
#ifdef M_ARENA_MAX
  // One thread runs at a time: without this each would reserve 64 MiB of addresses, which worker processes have few of.
  ::mallopt(M_ARENA_MAX, 1);
#endif
  const ProgramMaker maker(programs, oracles);
  return run_command_line(argc, argv, &maker);
}

}  // namespace meshdict::sim

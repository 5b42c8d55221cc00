#pragma once
// A simulator of your own: all of meshdict-sim, for plans whose nodes run your programs.
//
//   int main(int argc, char** argv) {
//     return meshdict::sim::main(argc, argv, {{"leader", lead}, {"ledger", keep_ledger}},
//                                {meshdict::sim::fences_grow("no old fence", "accepted")});
//   }
//
// A node of a plan names its program: {name: ada, program: leader, arguments: [ledger.txt]}. Link meshdict_programs.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "meshdict/machine.h"      // IWYU pragma: export
#include "meshdict/sim/oracles.h"  // IWYU pragma: export

namespace meshdict::sim {

using Programs = std::map<std::string, Program, std::less<>>;

/// Returns the exit code, as meshdict-sim's.
int main(int argc, char** argv, const Programs& programs, const std::vector<Oracle>& oracles = {});

}  // namespace meshdict::sim

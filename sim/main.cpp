// meshdict-sim: runs plans in a virtual world. See README.md beside this file.

#include "sim/commands/entry.h"

int main(int argc, char** argv) {
  return meshdict::sim::run_command_line(argc, argv, nullptr);
}

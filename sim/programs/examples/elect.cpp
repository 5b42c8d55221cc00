// One of the programs on this machine:
//
//   elect ledger --name ledger --listen 127.0.0.1:4000
//   elect leader --name ada --listen 127.0.0.1:4001 --join 127.0.0.1:4000
//   elect leader --name bob --listen 127.0.0.1:4002 --join 127.0.0.1:4000

#include "elect.h"

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view which = argc > 1 ? argv[1] : "";
  if (which == "leader") return meshdict::run_program(elect::lead, argc - 1, argv + 1);
  if (which == "ledger") return meshdict::run_program(elect::keep_ledger, argc - 1, argv + 1);
  std::cerr << "usage: elect leader|ledger [--name NAME] [--listen HOST:PORT] [--join HOST:PORT]\n";
  return 2;
}

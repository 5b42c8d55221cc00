// The programs in the simulator: elect-sim sweep elect.yaml --seeds 1..1000

#include <meshdict/sim/main.h>

#include "elect.h"

int main(int argc, char** argv) {
  return meshdict::sim::main(
      argc, argv,
      {{"leader", elect::lead}, {"ledger", elect::keep_ledger}, {"trusting ledger", elect::trust_everybody}},
      {meshdict::sim::fences_grow("no old fence", "accepted")});
}

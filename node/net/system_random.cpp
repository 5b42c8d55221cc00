#include "net/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace meshdict {

SystemRandom::SystemRandom() {
  for (;;) {
    // Up to 256 bytes come whole (getrandom(2)); only a signal during early boot interrupts it.
    const ssize_t got = getrandom(&seed_, sizeof seed_, 0);
    if (got == static_cast<ssize_t>(sizeof seed_)) return;
    if (got < 0 && errno == EINTR) continue;
    std::perror("getrandom");
    std::abort();
  }
}

RandomStream SystemRandom::stream(std::string_view subsystem) const {
  return RandomStream(derive_seed(seed_, subsystem));
}

}  // namespace meshdict

#include "app/signals.h"

#include <csignal>
#include <initializer_list>

namespace meshdict {

void ignore_harmless_signals() {
  for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2})
    std::signal(number, SIG_IGN);
}

}  // namespace meshdict

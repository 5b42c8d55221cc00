// meshdict-node: one member of a mesh, reached with any Redis client. Exit codes: 0 after SIGTERM or SIGINT, 1 when it
// could not start or had to give up, 2 for wrong options. What works on the data directory of a node that does not run, and ends by
// itself: offline/offline.h.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/log/format.h"
#include "app/log/log.h"
#include "app/node.h"
#include "app/offline/offline.h"
#include "app/options.h"
#include "app/signals.h"
#include "app/system/memory_reserve.h"

namespace {

int fail(const std::string& what) {
  meshdict::write_last_line("meshdict-node: " + what);
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  meshdict::memory_reserve::end_with_a_word();
  meshdict::ignore_harmless_signals();
  auto parsed = meshdict::parse_options(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  if (const auto* exit = std::get_if<meshdict::EarlyExit>(&parsed)) {
    std::fputs(exit->out.c_str(), stdout);
    std::fputs(exit->err.c_str(), stderr);
    return exit->code;
  }
  meshdict::memory_reserve::install();
  auto& options = std::get<meshdict::Options>(parsed);
  meshdict::set_log_format(options.log_format);
  if (options.offline.task != meshdict::OfflineTask::kNone) {
    return meshdict::run_offline(options.offline,
                                 {options.data_dir, options.durability, meshdict::engine_config(options)});
  }
  meshdict::Node node(std::move(options));
  if (const auto started = node.start(); !started) return fail(started.error().describe());
  // A script that waits for the announcement finds in the log all that was told before it.
  meshdict::flush_log();
  std::printf("%s\n", node.announcement().c_str());
  std::fflush(stdout);
  const auto outcome = node.run();
  const int code = outcome ? EXIT_SUCCESS : fail(meshdict::describe(outcome.error()));
  // Without destructors: they would wait for a look-up of a host name that is under way, which nothing can interrupt.
  std::_Exit(code);
}

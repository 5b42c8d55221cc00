#pragma once
#include <string>
#include <variant>
#include <vector>

#include "app/log/log.h"
#include "core/engine/engine.h"
#include "core/env/limits.h"
#include "core/env/transport.h"
#include "core/record/mesh_settings.h"
#include "store/sqlite_store.h"

namespace meshdict {

/// What the command line says.
struct Options {
  Endpoint listen{"127.0.0.1", env_limits::kDefaultPort};
  Endpoint advertise;  ///< empty host: derived from `listen`
  std::vector<Endpoint> join;
  std::string network = "sync";
  MeshSettings mesh;  ///< of these, leasing and the lease can be chosen
  bool clock_guard = true;
  Endpoint resp{"127.0.0.1", 6480};
  std::string data_dir;  ///< empty: all is kept in memory
  Durability durability = Durability::kAlways;
  LogLevel log_level = LogLevel::kInfo;
};

/// The process is to end without starting a node.
struct EarlyExit {
  std::string out;  ///< for stdout: help, version
  std::string err;  ///< for stderr: one line that names the wrong option
  int code = 0;     ///< 0, or 2 for a wrong option
};

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

/// The engine's settings that follow from the options.
EngineConfig engine_config(const Options& options);

}  // namespace meshdict

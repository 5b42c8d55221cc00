#pragma once
// The file of --config, read again while the node runs: on SIGHUP, and when it changes.
//
// 1. The log's level and format, the bounds of memory and disk, and the addresses to join are in force at once, whatever CONFIG SET
//    has made of them since. What else has changed is named, and waits for a restart.
// 2. A file that cannot be used changes nothing; why is told once.
//
// Not thread-safe: used from the thread of the io_context.

#include <expected>
#include <string>
#include <vector>

#include "app/log/log.h"
#include "app/options.h"
#include "core/env/transport.h"
#include "net/tls/file_watch.h"

namespace meshdict {

/// What a file that was read again changes.
struct ConfigChange {
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  BoundSizes bounds{};
  std::vector<Endpoint> join{};  ///< new ones
  std::vector<Endpoint> join_no_more{};
  std::vector<std::string> applied{};  ///< names of options
  std::vector<std::string> waiting{};  ///< those that a restart takes
};

class ConfigKeeper final : public FileKeeper {
 public:
  /// REQUIRES: options.config_file is not empty.
  explicit ConfigKeeper(const Options& options) : FileKeeper({options.config_file}), in_force_(options) {}

  /// What the last reading changes; from now on that is in force, but for what waits.
  ConfigChange take_change();

 private:
  std::expected<void, std::string> read_first() override { return {}; }
  std::expected<void, std::string> read_again() override;

  Options in_force_;
  Options read_;
};

}  // namespace meshdict

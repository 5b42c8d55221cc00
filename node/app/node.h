#pragma once
#include <expected>
#include <memory>
#include <string>
#include <variant>

#include "app/kept.h"
#include "app/options.h"
#include "core/env/store.h"
#include "core/record/mesh_settings.h"
#include "net/listener.h"

namespace meshdict {

/// Keys, certificates or users that cannot be used.
struct ProofFault {
  std::string what;  ///< for the operator: which file, and what is wrong
  [[nodiscard]] const std::string& describe() const { return what; }
};

/// The system lets us have less of something than a node needs.
struct SystemLimit {
  std::string what;
  [[nodiscard]] const std::string& describe() const { return what; }
};

/// Why a node does not start.
struct StartFailure {
  std::string option;  ///< that it is about; empty: none
  std::variant<StoreError, ListenFailure, SettingsFault, ProofFault, SystemLimit> why;

  /// For the operator, one line.
  [[nodiscard]] std::string describe() const;
};

/// Why a node that has served had to end: its store failed, or the system limits it.
using GaveUp = std::variant<StoreError, SystemLimit>;
/// For the operator, one line.
[[nodiscard]] std::string describe(const GaveUp& why);

/// One meshdict-node: the engine, its transport and store, the Redis-protocol endpoint, and the loop that runs them.
/// Order of calls: start(), run().
class Node {
 public:
  explicit Node(Options options);
  ~Node();

  /// Opens the data directory, binds the ports, reads the store, dials.
  std::expected<void, StartFailure> start();

  /// The line for scripts: version, id, and the addresses with the ports that were chosen.
  [[nodiscard]] std::string announcement() const;

  /// Serves until SIGTERM or SIGINT, then says goodbye, lets the last replies out and closes the store.
  std::expected<void, GaveUp> run();

 private:
  struct Parts;
  std::expected<void, StartFailure> load_files();

  Options options_;
  Kept kept_;
  /// From start() on.
  std::unique_ptr<Parts> parts_;
};

}  // namespace meshdict

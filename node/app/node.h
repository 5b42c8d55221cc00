#pragma once
#include <expected>
#include <memory>
#include <string>

#include "app/options.h"

namespace meshdict {

/// One meshdict-node: the engine, its transport and store, the Redis-protocol endpoint, and the loop that runs them.
/// Order of calls: start(), run().
class Node {
 public:
  explicit Node(Options options);
  ~Node();

  /// Opens the data directory, binds the ports, reads the store, dials. Error text for the operator, in one line.
  std::expected<void, std::string> start();

  /// The line for scripts: version, id, and the addresses with the ports that were chosen.
  [[nodiscard]] std::string announcement() const;

  /// Serves until SIGTERM or SIGINT, then says goodbye, lets the last replies out and closes the store. Error text when
  /// it had to give up.
  std::expected<void, std::string> run();

 private:
  struct Parts;
  Options options_;
  /// From start() on.
  std::unique_ptr<Parts> parts_;
};

}  // namespace meshdict

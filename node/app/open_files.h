#pragma once
// What the system's limit of open files (ulimit -n) lets a node promise.

#include <cstddef>
#include <expected>
#include <string>

namespace meshdict {

/// How many of each may be open at a time; together with what the node needs for itself, no more than the limit.
struct OpenFiles {
  std::size_t limit = 0;
  std::size_t clients = 0;
  std::size_t neighbours = 0;
  /// Connections accepted from the mesh that are no neighbours yet.
  std::size_t pending = 0;
  /// Connections that are closing, and still send what is queued.
  std::size_t closing = 0;
  /// Connections of the HTTP endpoint.
  std::size_t http = 0;

  bool operator==(const OpenFiles&) const = default;
};

/// Divides `limit`, of which the HTTP endpoint wants places for so many connections. Error text for the operator when a node
/// cannot work with so few.
std::expected<OpenFiles, std::string> divide_open_files(std::size_t limit, std::size_t http = 0);

/// Raises the limit as far as the system allows, and divides that.
std::expected<OpenFiles, std::string> take_open_files(std::size_t http = 0);

}  // namespace meshdict

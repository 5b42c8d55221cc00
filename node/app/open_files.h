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
  std::size_t pending = 0;  ///< accepted from the mesh, and not a neighbour yet
  std::size_t closing = 0;  ///< connections that still say their last
  std::size_t http = 0;     ///< connections of the HTTP endpoint

  bool operator==(const OpenFiles&) const = default;
};

/// Divides `limit`, of which the HTTP endpoint wants places for so many connections. Error text for the operator when no node can work with so few.
std::expected<OpenFiles, std::string> divide_open_files(std::size_t limit, std::size_t http = 0);

/// The same with as many as the system lets us have, which are taken.
std::expected<OpenFiles, std::string> take_open_files(std::size_t http = 0);

}  // namespace meshdict

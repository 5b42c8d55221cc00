#include "app/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "app/resp/limits.h"
#include "core/limits.h"
#include "net/net_limits.h"

namespace meshdict {
namespace {

/// Standard streams, the data directory's files, listening sockets, what the loop, signals and a look-up of a name need, and a
/// connection of either kind that is turned away: 20 were counted, and two such connections. With --http its listening socket,
/// and one more of them.
constexpr std::size_t kOwn = 24;
/// With fewer for connections there is no mesh and no client.
constexpr std::size_t kLeastConnections = 8;
constexpr std::size_t kMostOfMesh = limits::kMaxNeighbours + limits::kMaxPendingAccepted + net_limits::kMaxClosing;
constexpr std::size_t kWanted = kOwn + kMostOfMesh + resp_limits::kMaxClients;

}  // namespace

std::expected<OpenFiles, std::string> divide_open_files(std::size_t limit, std::size_t http) {
  if (limit < kOwn + kLeastConnections) {
    return std::unexpected(fmt::format(
        "this process may open {} files (ulimit -n), and a node needs {} at the least; {} serve all clients "
        "and neighbours that it can have",
        limit, kOwn + kLeastConnections, kWanted));
  }
  const std::size_t connections = std::min(limit, kWanted + http) - kOwn;
  const std::size_t of_mesh = std::min(kMostOfMesh, connections / 2);
  OpenFiles files{.limit = limit};
  files.neighbours = std::min(limits::kMaxNeighbours, of_mesh / 2);
  files.pending = std::min(limits::kMaxPendingAccepted, of_mesh / 4);
  files.closing = std::min(net_limits::kMaxClosing, of_mesh - files.neighbours - files.pending);
  // Where there are few, one is enough to see what is wrong.
  constexpr std::size_t kShareOfHttp = 8;
  if (http > 0) files.http = std::clamp<std::size_t>(connections / kShareOfHttp, 1, http);
  files.clients = std::min(resp_limits::kMaxClients, connections - of_mesh - files.http);
  return files;
}

std::expected<OpenFiles, std::string> take_open_files(std::size_t http) {
  const std::size_t wanted = kWanted + http;
  rlimit limit{};
  // It does not fail for a resource that exists.
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return divide_open_files(wanted, http);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return divide_open_files(static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, wanted)), http);
}

}  // namespace meshdict

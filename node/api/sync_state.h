#pragma once
// What SyncSocket adds to a MeshNode: events of the dictionary, and watches.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mesh_node.h"
#include "meshdict/sync_socket.h"

namespace meshdict::detail {

struct WatchState {
  std::string prefix;
  SyncSocket::WatchHandler handler;
  std::atomic<bool> cancelled = false;
};

class SyncState {
 public:
  /// Before the node runs.
  SyncState(MeshNode& node, SyncSocket& facade);

  /// On the loop's thread.
  void watch(const std::shared_ptr<WatchState>& watch, const Dictionary& dictionary);

 private:
  void on_event(const Event& event, const Dictionary& dictionary);
  void tell(const Updated& e, const Dictionary& dictionary);
  void tell(const Deleted& e, const Dictionary& dictionary);
  void tell(const Conflict& e);
  [[nodiscard]] std::vector<std::shared_ptr<WatchState>> watchers_of(std::string_view key);
  void hand_over(const WatchState& watch, const Change& change);

  MeshNode& node_;
  SyncSocket& facade_;
  std::vector<std::shared_ptr<WatchState>> watches_;  // of the loop's thread
};

[[nodiscard]] Meta meta_of(const Version& version);

}  // namespace meshdict::detail

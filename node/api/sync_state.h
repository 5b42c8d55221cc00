#pragma once
// What SyncSocket adds to a MeshNode: events of the dictionary, and watches.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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

  /// The keys of the last write.
  void note_write(std::vector<std::string> keys);
  /// See SyncSocket.
  std::size_t wait(std::size_t replicas, std::chrono::milliseconds timeout);
  /// The loop has ended: nobody confirms any more.
  void end_waits();

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
  // Used on the loop's thread only.
  std::vector<std::shared_ptr<WatchState>> watches_;

  std::mutex mutex_;
  std::unique_ptr<WaitPoint> confirmed_;
  // Guarded by the mutex, and so are the next two.
  std::vector<std::string> last_written_;
  // How many neighbours have confirmed, by token.
  std::map<ConfirmationToken, std::size_t> waiters_;
  bool ended_ = false;
};

[[nodiscard]] Meta meta_of(const Version& version);

}  // namespace meshdict::detail

#pragma once
// What all sessions of the Redis-protocol endpoint share.

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/access/logins.h"
#include "app/log/log.h"
#include "app/resp/command_spec.h"
#include "app/resp/pubsub.h"
#include "app/resp/scan_cursors.h"
#include "app/system/bounds.h"
#include "app/watch/latency.h"
#include "app/watch/slow_log.h"
#include "app/watch/watch.h"
#include "core/base/random.h"
#include "core/engine/engine.h"
#include "core/env/clock.h"
#include "core/record/mesh_settings.h"

namespace meshdict {

class RespSession;

/// For INFO.
struct NodeFacts {
  std::string network = "sync";
  MeshSettings mesh{};
  Endpoint resp_address;
  std::string_view mesh_proof = "none";            ///< what the mesh asks of its members
  std::string_view mesh_encryption = "plaintext";  ///< what they speak
  bool tls = false;                                ///< that clients speak
  bool client_certificates = false;                ///< that they have to show
};

/// How often each reason that is_about_proof() was given, by its place behind the first.
using ProofRefusals = std::array<std::uint64_t, static_cast<std::size_t>(kLastEndReason) -
                                                    static_cast<std::size_t>(EndReason::kAnotherId) + 1>;

/// Since the beginning, of clients.
struct RespSecurity {
  ProofRefusals refusals{};
  std::uint64_t without_login = 0;  ///< commands before the client has logged in
  std::uint64_t without_right = 0;  ///< commands for which its user lacks a right, or that touch what it may not
};

struct RespStats {
  std::uint64_t commands = 0;
  std::uint64_t connections = 0;
  std::uint64_t rejected_connections = 0;  ///< beyond the largest number of clients
  std::uint64_t cut_off_clients = 0;       ///< did not read, or sent too much
  std::uint64_t protocol_errors = 0;
  std::uint64_t refused_by_lease = 0;
  std::uint64_t refused_by_clock = 0;
  std::uint64_t refused_by_neighbours = 0;  ///< with fewer than min_neighbours
  std::uint64_t refused_by_memory = 0;      ///< commands for which there was none left
  std::uint64_t refused_by_room = 0;        ///< writes, at a full disk or one of the bounds of memory and disk
  std::uint64_t hits = 0;                   ///< of GET and MGET
  std::uint64_t misses = 0;
  std::uint64_t bytes_in = 0;  ///< of clients, before TLS
  std::uint64_t bytes_out = 0;
  std::uint64_t timed_out = 0;  ///< clients that said nothing for --timeout
  std::uint64_t published = 0;
  std::uint64_t shown = 0;  ///< messages of other shapes than PUBLISH's that were converted for the channel "mesh"
  Duration longest_turn{};  ///< of the loop; the two are described in engine_loop.h
  Duration longest_commit{};
};

/// Begins a backup to a new file. `done` is called from the loop, at the end; it is not when this returns an error.
using BackupOutcome = std::expected<void, std::string>;
using BackupMaker = std::function<BackupOutcome(const std::string& path, std::function<void(BackupOutcome)> done)>;

/// Commands wait: all, or those that write.
struct Pause {
  MonoTime until;
  bool writes_only = false;
};

class RespService {
 public:
  /// The references, and what `commands` shows, outlive the service.
  RespService(Engine& engine, std::span<const CommandSpec> commands, const Clock& clock, const Random& random,
              NodeFacts facts);

  /// Hands an event of the dictionary or a message of the mesh to the subscribers, and a confirmation to who waits for
  /// it. Called from within calls into the engine; does not call back.
  void on_event(const Event& event);

  /// Cuts off the subscribers that are furthest behind, until `bytes` more of output fit into resp_limits::kMaxOutputOfAll, or
  /// none is far behind.
  void make_room(std::size_t bytes);

  /// Lets go on who waits for neighbours to take messages, once they do. To be called in each turn.
  void look_for_room();

  /// The pause, if there is one, is over.
  void end_pause();

  /// To be called after each turn of the loop.
  void note_turn(Duration busy, Duration commit);
  /// Commands in the last second that is over.
  [[nodiscard]] std::uint64_t commands_per_second() const { return rate_; }

  /// Clients are these from now on; see RespSession::take_users().
  void set_users(std::shared_ptr<const Users> users);

  /// A client was refused for how it speaks or what it shows.
  void note_refused(EndReason reason);

  [[nodiscard]] Lacks lacks() const;
  [[nodiscard]] WaterMarks memory_marks() const;
  [[nodiscard]] WaterMarks disk_marks() const;
  /// Bytes that wait: commands and replies of clients, and what goes to neighbours.
  [[nodiscard]] std::uint64_t queued_bytes() const;

  /// Announces output, or an end, of a session outside of its feed(); the server empties the list at the end of a turn.
  void touch(RespSession& session);

  Engine& engine;
  const CommandTable commands;
  const Clock& clock;
  NodeFacts facts;
  RespStats stats;                 ///< CONFIG RESETSTAT begins them anew
  ProofRefusals proof_refusals{};  ///< of the mesh
  RespSecurity security;
  Logins logins;
  /// What strangers can cause; for a log that limits repeated kinds.
  std::function<void(std::string_view kind, const std::string& detail)> tell = [](std::string_view,
                                                                                  const std::string&) {};
  /// Ends the node in order, once what waits has left. In tests nobody sets it, and nothing ends.
  std::function<void()> end_node = [] {};
  BackupMaker back_up;  ///< null: the node keeps nothing on disk
  /// Ends the node in order; null where it is not its own program.
  std::function<void(const std::string& why)> shut_down;
  std::function<void(LogLevel level)> set_log_level = [](LogLevel) {};
  LogLevel log_level = LogLevel::kInfo;
  Bounds* bounds = nullptr;  ///< null: there are none, and what the store has no room for is the disk's fault
  Watch watch;
  SlowLog slow_log;
  Latency latency;
  PubSub pubsub;
  ScanCursors cursors;
  RandomStream random;
  const MonoTime started;
  std::size_t max_clients;
  std::size_t most_clients;  ///< what that may become: what the limit of open files leaves
  /// With fewer neighbours no client writes.
  std::size_t min_neighbours = 0;
  /// A client that says nothing for so long is hung up on, unless it listens or waits; 0: never.
  std::chrono::seconds timeout{0};
  /// So long without a byte, and the system asks whether a client is still there; 0: never.
  std::chrono::seconds keepalive{300};
  std::uint64_t last_client_id = 0;
  std::map<std::uint64_t, RespSession*> sessions;
  /// Those in a WAIT, by the token of Engine::confirm().
  std::map<ConfirmationToken, RespSession*> waiting;
  /// Those of which a command waits until neighbours take messages.
  std::set<RespSession*> held;
  /// Of CLIENT PAUSE, and who waits for its end.
  std::optional<Pause> pause;
  /// MESH LEAVE is under way, or done: no writes are taken.
  bool leaving = false;
  std::set<RespSession*> paused;
  std::vector<RespSession*> touched;
  std::size_t unfinished_bytes = 0;  ///< of commands, over all sessions
  std::size_t output_bytes = 0;      ///< of replies that have not left, over all sessions
  /// Subscribers that are further behind than resp_limits::kPauseOutput: the bytes of their output, and their ids.
  std::set<std::pair<std::size_t, std::uint64_t>> far_behind;
  /// Reused, so that a SET does not allocate.
  std::string scratch;
  std::vector<WriteOp> ops;

 private:
  void on_message(const std::vector<Raw>& packets);

  std::uint64_t rate_ = 0;
  std::uint64_t rate_from_ = 0;  ///< commands at its beginning
  MonoTime rate_begun_{};
};

/// A message of the mesh as PUBLISH sends them: two bytes packets are channel and payload. Nothing for another (a py2p node
/// may send what it likes), for one that would pass for a key event, and one whose channel has a longer name than
/// resp_limits::kMaxChannel: these are shown on the channel "mesh". Views into the packets.
struct ChannelMessage {
  std::string_view channel;
  std::string_view payload;
};
std::optional<ChannelMessage> channel_message(const std::vector<Raw>& packets);

/// Any other message as text: one packet as GET would show it, several as a JSON array. Of one that would have to be converted
/// and is larger than resp_limits::kMaxShownMessage, only its size is told.
std::string shown_message(const std::vector<Raw>& packets);

/// Channels of events of the dictionary; not for PUBLISH.
bool is_reserved_channel(std::string_view channel);

}  // namespace meshdict

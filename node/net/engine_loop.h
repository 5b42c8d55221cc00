#pragma once
// Drives an engine on an io_context, turn by turn, on the calling thread.
//
// A turn: run the handlers that are ready, let the engine act on the time, commit the store, then let out what was
// produced: frames to peers and, through Hooks::after_commit, replies to clients.
// 1. Nothing leaves, neither to a peer nor to a client, before the commit of the turn that made it.
// 2. One timer, armed for the engine's next deadline.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "core/engine/engine.h"
#include "core/env/clock.h"
#include "core/env/store.h"
#include "net/asio_transport.h"

namespace meshdict {

/// The time that a turn took. Rationale for two clocks: a turn begins by waiting for work, which must not count, and asio does
/// not tell when that wait ends. Processor time leaves it out, and the disk is the only other thing that a turn waits for.
struct TurnTimes {
  /// Processor time of the loop's thread, the commit's included.
  Duration busy{};
  /// By the monotonic clock, so that waiting for the disk is included.
  Duration commit{};
};

class EngineLoop final : private TransportEvents {
 public:
  struct Hooks {
    /// Before each call into the engine that may change it, perhaps many times a turn.
    std::function<void()> before_engine{};
    /// At the end of each turn, after the commit.
    std::function<void()> after_commit;
    /// After each turn: how long it kept everything else waiting.
    std::function<void(const TurnTimes& times)> after_turn{};
    /// When the loop has begun to stop: no client may use the engine from here on.
    std::function<void()> before_stop;
    /// Whether everything that must leave has left; asked while stopping. Without it, always yes.
    std::function<bool()> has_drained;
    /// Trouble with the listening socket, for the log.
    std::function<void(std::string_view detail)> listen_trouble;
  };

  /// All references outlive the loop. Takes the transport's events.
  EngineLoop(asio::io_context& io, const Clock& clock, AsioTransport& transport, Store& store, Engine& engine,
             Hooks hooks);

  /// Runs turns until stop() has been called and everything has left, at most net_limits::kStopDeadline later. REQUIRES: the
  /// engine has been started. Error: the store could not commit; what the last turn produced has not left, and the engine must
  /// not be used any more.
  std::expected<void, StoreError> run();

  /// From a handler: say goodbye and return from run(). A second call returns at once.
  void stop();

 private:
  void on_accepted(ConnId conn, const Endpoint& remote) override;
  void on_connected(ConnId conn) override;
  void on_data(ConnId conn, std::string_view bytes) override;
  void on_drained(ConnId conn) override;
  void on_closed(ConnId conn, std::string_view detail) override;
  void on_refused(ConnId conn, const Ending& ending) override;
  void on_turned_away(const Endpoint& remote, const Ending& ending) override;
  void on_listen_trouble(std::string_view detail) override;

  /// The engine, for a call that may change it.
  Engine& enter();
  std::expected<void, StoreError> turn();
  std::expected<void, StoreError> work();
  void run_handlers();
  std::expected<void, StoreError> let_out();
  void arm();
  std::expected<void, StoreError> say_goodbye();

  enum class Phase : std::uint8_t { kRunning, kStopping, kAbandoned };

  asio::io_context& io_;
  const Clock& clock_;
  AsioTransport& transport_;
  Store& store_;
  Engine& engine_;
  Hooks hooks_;
  asio::steady_timer timer_;
  bool armed_ = false;
  MonoTime armed_for_;
  Phase phase_ = Phase::kRunning;
  /// True while the engine may be called: it is stopped before the last frames leave.
  bool engine_runs_ = true;
  Duration commit_took_{};
};

}  // namespace meshdict

#include "net/engine_loop.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "net/net_limits.h"
#include "net/system_clock.h"

namespace meshdict {

EngineLoop::EngineLoop(asio::io_context& io, const Clock& clock, AsioTransport& transport, Store& store, Engine& engine,
                       Hooks hooks)
    : io_(io),
      clock_(clock),
      transport_(transport),
      store_(store),
      engine_(engine),
      hooks_(std::move(hooks)),
      timer_(io) {
  transport_.set_events(*this);
}

std::expected<void, StoreError> EngineLoop::run() {
  // start() has dialled and staged its identity.
  if (auto done = let_out(); !done) return done;
  while (phase_ == Phase::kRunning) {
    if (auto done = turn(); !done) return done;
  }
  return say_goodbye();
}

void EngineLoop::stop() {
  phase_ = phase_ == Phase::kRunning ? Phase::kStopping : Phase::kAbandoned;
}

Engine& EngineLoop::enter() {
  if (hooks_.before_engine) hooks_.before_engine();
  return engine_;
}

std::expected<void, StoreError> EngineLoop::turn() {
  if (!hooks_.after_turn) return work();
  const Duration before = thread_processor_time();
  auto done = work();
  hooks_.after_turn({.busy = thread_processor_time() - before, .commit = commit_took_});
  return done;
}

std::expected<void, StoreError> EngineLoop::work() {
  arm();
  run_handlers();
  if (engine_runs_ && clock_.monotonic() >= engine_.next_deadline()) enter().on_time();
  return let_out();
}

void EngineLoop::run_handlers() {
  io_.restart();
  std::size_t count = io_.run_one();
  const MonoTime end = clock_.monotonic() + net_limits::kTurnBudget;
  const auto may_begin_another = [&] {
    return count < net_limits::kHandlersPerTurn && store_.staged() < net_limits::kWritesPerTurn &&
           clock_.monotonic() < end;
  };
  while (count > 0 && may_begin_another() && io_.poll_one() > 0)
    ++count;
}

std::expected<void, StoreError> EngineLoop::let_out() {
  const MonoTime before = clock_.monotonic();
  auto committed = store_.commit();
  commit_took_ = clock_.monotonic() - before;
  if (!committed) return committed;
  transport_.flush();
  if (hooks_.after_commit) hooks_.after_commit();
  return {};
}

void EngineLoop::arm() {
  if (!engine_runs_) return;
  const MonoTime deadline = engine_.next_deadline();
  // A later deadline leaves the timer alone: waking once too early costs less than setting it after each message.
  if (armed_ && armed_for_ <= deadline) return;
  armed_ = true;
  armed_for_ = deadline;
  const Duration wait = std::max(deadline - clock_.monotonic(), Duration::zero());
  timer_.expires_after(wait);
  timer_.async_wait([this](asio::error_code error) {
    if (!error) armed_ = false;
  });
}

std::expected<void, StoreError> EngineLoop::say_goodbye() {
  transport_.stop_listening();
  if (hooks_.before_stop) hooks_.before_stop();
  enter().stop();
  engine_runs_ = false;
  if (auto done = let_out(); !done) return done;
  const auto late = std::make_shared<bool>(false);
  timer_.expires_after(net_limits::kStopDeadline);
  timer_.async_wait([late](asio::error_code error) { *late = !error; });
  const auto drained = [&] { return transport_.idle() && (!hooks_.has_drained || hooks_.has_drained()); };
  while (!*late && phase_ != Phase::kAbandoned && !drained()) {
    if (auto done = turn(); !done) return done;
  }
  return {};
}

void EngineLoop::on_accepted(ConnId conn, const Endpoint& remote) {
  if (engine_runs_) enter().on_accepted(conn, remote);
}

void EngineLoop::on_connected(ConnId conn) {
  if (engine_runs_) enter().on_connected(conn);
}

void EngineLoop::on_data(ConnId conn, std::string_view bytes) {
  if (engine_runs_) enter().on_data(conn, bytes);
}

void EngineLoop::on_drained(ConnId conn) {
  if (engine_runs_) enter().on_drained(conn);
}

void EngineLoop::on_closed(ConnId conn, std::string_view detail) {
  if (engine_runs_) enter().on_closed(conn, detail);
}

void EngineLoop::on_refused(ConnId conn, const Ending& ending) {
  if (engine_runs_) enter().on_closed(conn, ending);
}

void EngineLoop::on_turned_away(const Endpoint& remote, const Ending& ending) {
  if (engine_runs_) enter().on_turned_away(remote, ending);
}

void EngineLoop::on_listen_trouble(std::string_view detail) {
  if (hooks_.listen_trouble) hooks_.listen_trouble(detail);
}

}  // namespace meshdict

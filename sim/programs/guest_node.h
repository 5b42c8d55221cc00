#pragma once
// The node of a socket in the virtual world: the engine of the program's host. What real_runtime()'s SocketCore does with threads
// is done here with the baton.
//
// 1. call() first lets a little virtual time pass, as the way to another thread would take; then the work is done in one turn.
// 2. Handlers run on a context of their own, which begins with the first delivery.
// 3. After a crash nothing reaches the engine: call() and read() throw.
// 4. A socket that a program keeps beyond the run (in a global variable) does nothing more, as one of a machine that crashed.

#include <vector>

#include "api/node_core.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

class ProgramWorld;
struct Process;
struct Task;

class GuestNode final : public NodeCore {
 public:
  /// World and process outlive it, or call orphan().
  GuestNode(ProgramWorld& world, Process& process, Settings settings, Hooks hooks);
  ~GuestNode() override;

  void open() override;
  void run() override {}
  bool close() override;
  void finish() override;
  [[nodiscard]] bool is_closed() const override;
  [[nodiscard]] bool on_loop_thread() const override { return false; }
  [[nodiscard]] bool on_handler_thread() const override;
  [[nodiscard]] HandlerLosses losses() const override { return handlers_.losses(); }
  [[nodiscard]] const NodeId& id() const override { return id_; }
  [[nodiscard]] const Endpoint& address() const override { return address_; }
  [[nodiscard]] const std::string& data_dir() const override { return settings_.data_dir; }
  [[nodiscard]] void* io_context() override;
  void say(std::function<void()> line) override;
  void deliver(Delivery delivery) override { deliveries_.push_back(std::move(delivery)); }

  // For the world

  void heard(const Event& event);
  /// A turn has been committed.
  void turned();
  /// The engine is gone.
  void ended() { is_open_ = false; }
  /// World and process end before it: from now on it asks them nothing.
  void orphan();

 private:
  void run_task(const std::function<void(Engine&)>& work) override;
  void run_look(const std::function<void(const Engine&)>& look) override;
  void check_open() const;
  void check_settings() const;
  [[nodiscard]] NodePlan plan_of_socket() const;
  void wait_for_disk();
  void end_engine();
  void begin_handlers();
  void handle();

  ProgramWorld& world_;
  Process& process_;
  Settings settings_;
  Hooks hooks_;
  NodeId id_;
  Endpoint address_;
  // The host has an engine, and it is this socket's.
  bool is_open_ = false;
  bool closed_ = false;
  bool is_orphan_ = false;
  bool in_turn_ = false;
  std::vector<Delivery> deliveries_;
  // Its thread is never started: the task of the handlers runs what it holds.
  HandlerThread handlers_;
  // Null: nothing was delivered yet.
  Task* handling_ = nullptr;
  bool handled_all_ = true;
  // Who waits for the end of the handlers.
  Task* joiner_ = nullptr;
};

}  // namespace meshdict::sim

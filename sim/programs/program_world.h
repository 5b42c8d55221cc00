#pragma once
// The programs of one run: when they begin, go on and end, and what the oracles of a user's see of it.
//
// 1. Programs run between two events of the world's queue: one context at a time, until it waits. What comes of that is a function of
//    plan and seed, as long as the program waits and draws through its machine only.
// 2. A task goes on when the queue says so: it was woken, or its time has come by its machine's clock. One whose machine stands still goes
//    on with the machine, and one in the quiet at the end of the plan not at all.
// 3. A killed process is unwound at once, its latest task first: handlers before what their sockets belong to.
//
// Not thread-safe, but for the hand-over in Context.

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "meshdict/sim/main.h"
#include "sim/machines/guests.h"
#include "sim/programs/context.h"
#include "sim/programs/guest_machine.h"
#include "sim/programs/guest_node.h"
#include "sim/programs/judges.h"
#include "sim/world/nodes.h"
#include "sim/world/stage.h"

namespace meshdict::sim {

/// One life of a program.
struct Process {
  NodeIndex node = kNobody;
  RandomStream random;
  /// How long calls take.
  RandomStream way;
  /// Its machine has crashed, or it has ended.
  bool killed = false;
  std::size_t swallowed = 0;
  std::unique_ptr<GuestMachine> machine;
  /// The open one; null: none.
  GuestNode* socket = nullptr;
  /// All that are there, closed or open.
  std::set<GuestNode*> nodes;
  /// In the order in which they began: first the program itself.
  std::vector<Task*> tasks;
};

/// What runs on a context of its own.
struct Task {
  Process& process;
  std::uint64_t number;
  Context context;
  /// When its entry in the queue is due; Duration::max(): it has none.
  Duration armed = Duration::max();
  /// It would have gone on, and its machine stood still.
  bool due = false;
  bool woken = false;
  bool awaits_node = false;
  std::optional<MonoTime> until;
};

class ProgramWorld final : public Guests, private View {
 public:
  /// All outlive it.
  ProgramWorld(Stage& stage, Nodes& nodes, const Programs& programs, const std::vector<Oracle>& oracles);
  ~ProgramWorld() override;

  void start(NodeIndex node) override;
  void kill(NodeIndex node) override;
  [[nodiscard]] bool runs(NodeIndex node) const override;
  void due(std::uint64_t detail) override;
  void goes_on(NodeIndex node) override;
  void clock_changed(NodeIndex node) override;
  void heard(NodeIndex node, const Event& event) override;
  void turned(NodeIndex node) override;
  void engine_ended(NodeIndex node) override;
  void look() override;
  void finish() override;

  // For what programs call, on their contexts

  [[nodiscard]] Stage& stage() { return stage_; }
  [[nodiscard]] Host& host(const Process& process) { return *stage_.hosts[process.node]; }
  [[nodiscard]] const NodePlan& plan(const Process& process) const { return stage_.plan.nodes[process.node]; }
  [[nodiscard]] const VirtualClock& clock(const Process& process) const { return stage_.hosts[process.node]->clock(); }
  /// The task that calls. Ends the simulator when that is a thread of the program's own.
  [[nodiscard]] Task& self(const Process& process);
  /// False after a crash, while an exception unwinds the caller; otherwise throws ProgramKilled then.
  [[nodiscard]] bool check_alive(Process& process);
  Task& begin(Process& process, std::function<void()> body);
  /// The task goes on now.
  void wake(Task& task);
  /// Waits to be woken, or until the machine's clock shows `until`. Throws ProgramKilled.
  void block(Task& self, std::optional<MonoTime> until);
  void sleep_until(Task& self, MonoTime time);
  void block_until_node_goes_on(Task& self);
  void note(Process& process, std::string_view kind, std::string_view text);

  // For sockets

  [[nodiscard]] Duration way_to_node(Process& process);
  /// Its memory has gone with its last socket.
  void forget_disk(const Process& process);
  std::expected<void, StartError> begin_node(Process& process, EngineConfig config);
  void end_turn(Process& process);
  void end_node(const Process& process);

 private:
  // View
  [[nodiscard]] std::chrono::microseconds now() const override { return stage_.now(); }
  [[nodiscard]] std::span<const Note> notes() const override { return notes_; }
  [[nodiscard]] std::span<const Note> new_notes() const override { return std::span(notes_).subspan(seen_notes_); }
  [[nodiscard]] std::vector<std::string> nodes() const override;
  [[nodiscard]] bool is_up(std::string_view node) const override;
  [[nodiscard]] std::optional<Value> get(std::string_view node, std::string_view key) const override;

  void live(Process& process);
  void ended(const Process& process, const std::string& why);
  void arm(Task& task, Duration at);
  void run(Task& task);
  void retire(Task& task);
  void unwind(Process& process);
  void give_way_to_end(Process& process);
  [[noreturn]] void give_up(const Process& process, const std::string& what) const;
  [[nodiscard]] NodeIndex find(std::string_view node) const;

  Stage& stage_;
  Nodes& nodes_;
  const Programs& programs_;
  Judges judges_;
  const Duration until_;
  // By node; null: none runs.
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<std::unique_ptr<Process>> past_;
  // By number; null: ended.
  std::deque<std::unique_ptr<Task>> tasks_;
  Task* running_ = nullptr;
  // Whose socket is being closed by its program.
  NodeIndex closing_ = kNobody;
  std::size_t times_outside_ = 0;
  std::vector<Note> notes_;
  std::size_t note_bytes_ = 0;
  std::size_t seen_notes_ = 0;
  // From when on the plan does nothing more, as far as it has shown.
  Duration settled_;
  // Something that oracles see has changed.
  bool news_ = false;
};

}  // namespace meshdict::sim

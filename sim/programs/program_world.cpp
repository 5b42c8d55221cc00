#include "sim/programs/program_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <ranges>
#include <system_error>
#include <utility>

#include "api/api_limits.h"
#include "sim/plan/limits.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

std::uint64_t seed_of(const Stage& stage, NodeIndex node, std::uint64_t life, std::string_view what) {
  return derive_seed(derive_seed(derive_seed(stage.seed, what), stage.name(node)), life);
}

/// When a plan's last step is, of those whose time it says.
Duration last_step_of(const Plan& plan) {
  Duration last{};
  for (const Step& step : plan.steps)
    if (!step.when) last = std::max(last, step.at.low);
  return last;
}

}  // namespace

ProgramWorld::ProgramWorld(Stage& stage, Nodes& nodes, const Programs& programs, const std::vector<Oracle>& oracles)
    : stage_(stage),
      nodes_(nodes),
      programs_(programs),
      judges_(oracles, *this, stage.findings, stage.end - stage.plan.quiet),
      until_(stage.end - stage.plan.quiet),
      processes_(stage.plan.nodes.size()),
      settled_(last_step_of(stage.plan)) {}

/// Without a goodbye: the run is over.
ProgramWorld::~ProgramWorld() {
  for (const auto& process : processes_) {
    if (process == nullptr) continue;
    process->killed = true;
    unwind(*process);
  }
  for (const auto& process : past_) {
    for (GuestNode* const node : process->nodes)
      node->orphan();
  }
  stage_.guests = nullptr;
}

// Lives

void ProgramWorld::start(NodeIndex node) {
  const auto life = static_cast<std::uint64_t>(stage_.now().count());
  auto process = std::make_unique<Process>(Process{.node = node,
                                                   .random = RandomStream(seed_of(stage_, node, life, "program")),
                                                   .way = RandomStream(seed_of(stage_, node, life, "way to node")),
                                                   .machine = nullptr,
                                                   .nodes = {},
                                                   .tasks = {}});
  Process& begun = *process;
  begun.machine = std::make_unique<GuestMachine>(*this, begun);
  processes_[node] = std::move(process);
  if (stage_.transcript.enabled()) {
    stage_.transcript.line(stage_.now(), stage_.name(node), fmt::format("! program {} begins", plan(begun).program));
  }
  wake(begin(begun, [this, &begun] { live(begun); }));
  news_ = true;
}

void ProgramWorld::live(Process& process) {
  const Program& program = programs_.find(plan(process).program)->second;
  try {
    program(*process.machine);
    if (stage_.transcript.enabled() && !process.killed) {
      stage_.transcript.line(stage_.now(), plan(process).name, "! program ends");
    }
  } catch (const ProgramKilled&) {
    if (!process.killed) ended(process, "by a ProgramKilled of its own");
  } catch (const std::exception& error) {
    ended(process, fmt::format("by an exception: {}", error.what()));
  } catch (...) {
    ended(process, "by something that is no std::exception");
  }
}

/// What a crash makes of it is not the program's fault.
void ProgramWorld::ended(const Process& process, const std::string& why) {
  if (process.killed) return;
  stage_.findings.add("program", {plan(process).name},
                      fmt::format("program '{}' has ended {}", plan(process).program, why));
}

void ProgramWorld::kill(NodeIndex node) {
  Process* const process = processes_[node].get();
  if (process == nullptr) return;
  process->killed = true;
  news_ = true;
  stage_.hosts[node]->paused = false;
  // One that has ended itself, by a write for which its disk has no room, is unwound when it hands the baton back.
  if (running_ == nullptr || &running_->process != process) unwind(*process);
}

void ProgramWorld::unwind(Process& process) {
  while (!process.tasks.empty()) {
    Task& task = *process.tasks.back();
    if (task.context.begun() && !task.context.ended()) {
      running_ = &task;
      task.context.resume();
      running_ = nullptr;
    }
    retire(task);
  }
  past_.push_back(std::move(processes_[process.node]));
}

void ProgramWorld::retire(Task& task) {
  std::erase(task.process.tasks, &task);
  tasks_[task.number].reset();
}

bool ProgramWorld::runs(NodeIndex node) const {
  return processes_[node] != nullptr && !processes_[node]->killed;
}

// Turns

Task& ProgramWorld::begin(Process& process, std::function<void()> body) {
  const auto on_outside = [this, &process](Outside outside, std::chrono::milliseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    switch (outside) {
      case Outside::kComputes:
        return give_up(process,
                       fmt::format("has computed for {:g} s without a call that waits: it spins, or its machine's "
                                   "sleep_for() is missing",
                                   seconds));
      case Outside::kHangs:
        return give_up(process,
                       fmt::format("has waited for {:g} s outside the simulator: for a lock, a sleep or a socket "
                                   "of the real world",
                                   seconds));
      case Outside::kWaited:
        if (++times_outside_ < sim_limits::kMaxTimesOutside) return;
        return give_up(process,
                       fmt::format("has waited for {:g} s outside the simulator, expected its machine's sleep_for(), "
                                   "sockets and clocks instead of the real ones",
                                   seconds));
    }
  };
  tasks_.push_back(std::unique_ptr<Task>(new Task{.process = process,
                                                  .number = tasks_.size(),
                                                  .context = {[this, &process, body = std::move(body)] {
                                                                try {
                                                                  body();
                                                                } catch (const ProgramKilled&) {
                                                                  ended(process, "by a ProgramKilled of its own");
                                                                }
                                                              },
                                                              on_outside},
                                                  .until = {}}));
  Task& task = *tasks_.back();
  process.tasks.push_back(&task);
  return task;
}

void ProgramWorld::arm(Task& task, Duration at) {
  const Duration due = std::max(at, stage_.now());
  if (due >= task.armed) return;
  task.armed = due;
  stage_.queue.push(due, EventKind::kProgram, task.number);
}

void ProgramWorld::wake(Task& task) {
  task.woken = true;
  arm(task, stage_.now());
}

void ProgramWorld::due(std::uint64_t detail) {
  Task* const task = tasks_[detail].get();
  if (task == nullptr || task->armed != stage_.now()) return;
  task->armed = Duration::max();
  if (stage_.now() > until_ || stage_.over) return;
  const Host& at = host(task->process);
  if (at.paused) {
    task->due = true;
    return;
  }
  if (!task->woken && task->until && at.clock().monotonic() < *task->until) {
    return arm(*task, at.clock().world_time(*task->until));
  }
  if (task->woken || task->until) run(*task);
}

void ProgramWorld::run(Task& task) {
  Process& process = task.process;
  ++stage_.events;
  stage_.mark(Mark::kProgram, process.node, task.number);
  running_ = &task;
  try {
    task.context.resume();
  } catch (const std::system_error& error) {
    stage_.end_run("memory", {plan(process).name},
                   fmt::format("there is no thread for it: {}", error.code().message()));
  }
  running_ = nullptr;
  const bool is_over = task.context.ended() && &task == process.tasks.front();
  if (task.context.ended() && !is_over && !process.killed) retire(task);
  if (!is_over && !process.killed) return;
  // A socket that it has left behind ends with the process.
  process.killed = true;
  news_ = true;
  if (process.socket != nullptr && stage_.up(process.node)) {
    stage_.records.ends(process.node);
    nodes_.end(process.node, Machine::kRefusing);
  }
  if (processes_[process.node].get() == &process) unwind(process);
}

Task& ProgramWorld::self(const Process& process) {
  if (Context::current() == nullptr) {
    give_up(process, "uses its machine or socket on a thread of its own: the simulator runs one thing at a time");
  }
  return *running_;
}

bool ProgramWorld::check_alive(Process& process) {
  if (!process.killed) return true;
  if (std::uncaught_exceptions() > 0) return false;
  if (++process.swallowed > sim_limits::kMaxSwallowed) {
    give_up(process,
            "goes on after its machine has crashed: it catches ProgramKilled, by catch (...), and does not rethrow it");
  }
  throw ProgramKilled();
}

void ProgramWorld::block(Task& self, std::optional<MonoTime> until) {
  if (!check_alive(self.process)) return;
  self.until = until;
  self.woken = false;
  if (until) arm(self, clock(self.process).world_time(*until));
  self.context.yield();
  self.until.reset();
  static_cast<void>(check_alive(self.process));
}

void ProgramWorld::sleep_until(Task& self, MonoTime time) {
  while (!self.process.killed && clock(self.process).monotonic() < time)
    block(self, time);
}

void ProgramWorld::block_until_node_goes_on(Task& self) {
  self.awaits_node = true;
  block(self, std::nullopt);
  self.awaits_node = false;
}

void ProgramWorld::goes_on(NodeIndex node) {
  if (processes_[node] == nullptr) return;
  for (Task* const task : processes_[node]->tasks) {
    if (task->awaits_node) wake(*task);
    if (std::exchange(task->due, false)) arm(*task, stage_.now());
  }
}

void ProgramWorld::clock_changed(NodeIndex node) {
  if (processes_[node] == nullptr) return;
  for (Task* const task : processes_[node]->tasks)
    if (task->until) arm(*task, stage_.hosts[node]->clock().world_time(*task->until));
}

void ProgramWorld::give_up(const Process& process, const std::string& what) const {
  fmt::print(stderr, "meshdict-sim: program '{}' on {}, at {} s of seed {}: {}\n", plan(process).program,
             plan(process).name, seconds_text(stage_.now()), stage_.seed, what);
  std::fflush(stderr);
  // No destructor could run: the program's threads are where they are.
  std::_Exit(2);
}

// Sockets

Duration ProgramWorld::way_to_node(Process& process) {
  return Duration(process.way.between(sim_limits::kLeastCall.count(), sim_limits::kMostCall.count()));
}

void ProgramWorld::forget_disk(const Process& process) {
  Host& at = host(process);
  if (at.life() == 0) return;
  at.disk().wipe(false);
  stage_.records.forget(process.node, Duration::zero());
  stage_.leases.forget(process.node, Duration::zero());
}

std::expected<void, StartError> ProgramWorld::begin_node(Process& process, EngineConfig config) {
  stage_.claims.disturbed();
  auto begun = nodes_.begin(process.node, std::move(config));
  give_way_to_end(process);
  return begun;
}

void ProgramWorld::end_turn(Process& process) {
  const NodeIndex node = process.node;
  // As for what a plan's clients write.
  const std::vector<std::string> written = host(process).disk().touched();
  if (nodes_.commit_turn(node)) {
    for (const std::string& key : written) {
      stage_.records.acknowledged(node, key);
      stage_.claims.acknowledged(node, key);
      stage_.losses.acknowledged(node, key);
    }
    nodes_.finish_turn(node);
    stage_.claims.look();
  }
  give_way_to_end(process);
}

/// When its disk was full, and it has ended by that: what is unwound first is for the world to say.
void ProgramWorld::give_way_to_end(Process& process) {
  if (process.killed) self(process).context.yield();
}

void ProgramWorld::end_node(const Process& process) {
  const NodeIndex node = process.node;
  if (!stage_.up(node)) return;
  stage_.claims.disturbed();
  closing_ = node;
  stage_.hosts[node]->engine().stop();
  if (nodes_.commit_turn(node)) nodes_.end(node, Machine::kRefusing);
  closing_ = kNobody;
}

void ProgramWorld::heard(NodeIndex node, const Event& event) {
  const Process* const process = processes_[node].get();
  if (process != nullptr && process->socket != nullptr && !process->killed) process->socket->heard(event);
}

void ProgramWorld::turned(NodeIndex node) {
  news_ = true;
  const Process* const process = processes_[node].get();
  if (process != nullptr && process->socket != nullptr) process->socket->turned();
}

void ProgramWorld::engine_ended(NodeIndex node) {
  news_ = true;
  Process* const process = processes_[node].get();
  if (process == nullptr) return;
  if (process->socket != nullptr) process->socket->ended();
  if (closing_ == node) return goes_on(node);
  kill(node);
}

// Oracles

void ProgramWorld::note(Process& process, std::string_view kind, std::string_view text) {
  if (!check_alive(process)) return;
  Task& caller = self(process);
  kind = kind.substr(0, api_limits::kMaxNote);
  text = text.substr(0, api_limits::kMaxNote);
  note_bytes_ += kind.size() + text.size();
  if (notes_.size() >= sim_limits::kMaxNotes || note_bytes_ > sim_limits::kMaxNoteBytes) {
    stage_.end_run("memory", {plan(process).name}, "there are more notes than a run may have");
    block(caller, std::nullopt);
    return;
  }
  stage_.hash.add(kind);
  stage_.hash.add(text);
  notes_.push_back(
      {.at = stage_.now(), .node = plan(process).name, .kind = std::string(kind), .text = std::string(text)});
  news_ = true;
  if (stage_.transcript.enabled()) {
    stage_.transcript.line(stage_.now(), plan(process).name,
                           fmt::format("! {}: {}", visible_text(kind), visible_text(text)));
  }
}

void ProgramWorld::look() {
  const Duration settled = std::max(settled_, stage_.last_step);
  if (std::exchange(settled_, settled) != settled || settled == stage_.now()) news_ = true;
  // What came too late does not count.
  judges_.pass(settled_);
  if (!std::exchange(news_, false)) return;
  judges_.look(settled_);
  seen_notes_ = notes_.size();
}

void ProgramWorld::finish() {
  if (!stage_.over) judges_.at_end(settled_);
}

NodeIndex ProgramWorld::find(std::string_view node) const {
  return stage_.addresses.find(node);
}

std::vector<std::string> ProgramWorld::nodes() const {
  std::vector<std::string> names;
  names.reserve(stage_.plan.nodes.size());
  for (const NodePlan& node : stage_.plan.nodes)
    names.push_back(node.name);
  return names;
}

bool ProgramWorld::is_up(std::string_view node) const {
  const NodeIndex found = find(node);
  return found != kNobody && stage_.alive(found);
}

std::optional<Value> ProgramWorld::get(std::string_view node, std::string_view key) const {
  const NodeIndex found = find(node);
  if (found == kNobody || !stage_.up(found)) return std::nullopt;
  const auto record = stage_.hosts[found]->engine().dictionary().find(key);
  return record ? std::optional(Value::unpacked(Raw(record->value))) : std::nullopt;
}

}  // namespace meshdict::sim

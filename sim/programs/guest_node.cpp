#include "sim/programs/guest_node.h"

#include <exception>
#include <utility>

#include "core/env/limits.h"
#include "meshdict/errors.h"
#include "meshdict/machine.h"
#include "sim/programs/program_world.h"

namespace meshdict::sim {

GuestNode::GuestNode(ProgramWorld& world, Process& process, Settings settings, Hooks hooks)
    : world_(world),
      process_(process),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      address_{.host = world.plan(process).name, .port = env_limits::kDefaultPort},
      handlers_([this] { hooks_.on_overflow(); }) {
  process_.nodes.insert(this);
}

GuestNode::~GuestNode() {
  finish();
  if (!is_orphan_) process_.nodes.erase(this);
}

void GuestNode::orphan() {
  is_orphan_ = true;
  closed_ = true;
  handled_all_ = true;
  hooks_.on_end();
}

// Opening and closing

void GuestNode::check_settings() const {
  if (settings_.engine.encryption != "Plaintext") {
    throw SettingsError("the simulator has no encryption, expected 'Plaintext'");
  }
  if (auto good = check_lease(settings_.engine); !good) throw SettingsError(good.error().describe());
  if (process_.socket != nullptr) {
    throw PortInUse(address_.host, address_.port,
                    "cannot listen at " + to_string(address_) + ": this machine has another socket there");
  }
}

/// The oracles judge by it.
NodePlan GuestNode::plan_of_socket() const {
  NodePlan plan = world_.plan(process_);
  static_cast<MeshSettings&>(plan) = settings_.engine;
  plan.network = settings_.engine.network;
  // Members without a dictionary are of another protocol.
  if (!settings_.engine.has_dictionary) plan.network += " without a dictionary";
  plan.clock_guard = settings_.engine.clock_guard;
  plan.syncs_commits = settings_.durability == Durability::kAlways;
  return plan;
}

void GuestNode::open() {
  if (!world_.check_alive(process_)) throw SocketClosed("the machine has crashed");
  static_cast<void>(world_.self(process_));
  check_settings();
  Host& host = world_.host(process_);
  host.set_plan(plan_of_socket());
  EngineConfig config = host.config(world_.stage().plan.nodes);
  config.network = settings_.engine.network;
  config.has_dictionary = settings_.engine.has_dictionary;
  if (settings_.data_dir.empty()) world_.forget_disk(process_);
  process_.socket = this;
  is_open_ = true;
  const auto begun = world_.begin_node(process_, std::move(config));
  id_ = host.id();
  if (begun && host.up()) return;
  process_.socket = nullptr;
  is_open_ = false;
  closed_ = true;
  // Its disk is full: the process has ended.
  static_cast<void>(world_.check_alive(process_));
  if (const auto* fault = begun ? nullptr : std::get_if<SettingsFault>(&begun.error())) {
    throw SettingsError(fault->describe());
  }
  throw StorageError(StorageTrouble::kUnusable, settings_.data_dir, begun ? "full" : describe(begun.error()));
}

void GuestNode::end_engine() {
  if (process_.socket != this) return;
  process_.socket = nullptr;
  if (std::exchange(is_open_, false) && !process_.killed) world_.end_node(process_);
}

bool GuestNode::close() {
  if (std::exchange(closed_, true)) return false;
  end_engine();
  handlers_.stop();
  if (!process_.killed) hooks_.on_end();
  return true;
}

/// In a destructor: a crash meanwhile is for the next call.
void GuestNode::finish() {
  close();
  handlers_.stop();
  try {
    while (!handled_all_ && !process_.killed && !on_handler_thread()) {
      world_.wake(*handling_);
      joiner_ = &world_.self(process_);
      world_.block(*joiner_, std::nullopt);
    }
  } catch (const ProgramKilled&) {
    process_.swallowed = 0;
  }
  joiner_ = nullptr;
}

bool GuestNode::is_closed() const {
  return closed_ || process_.killed;
}

void* GuestNode::io_context() {
  throw Error("coroutines run on the real network's thread: the simulator has none");
}

void GuestNode::check_open() const {
  if (is_orphan_) throw SocketClosed("the run is over");
  if (!world_.check_alive(process_) || closed_ || !is_open_) throw SocketClosed("the socket is closed");
}

// Calls

void GuestNode::wait_for_disk() {
  while (is_open_ && world_.host(process_).still())
    world_.block_until_node_goes_on(world_.self(process_));
}

void GuestNode::run_task(const std::function<void(Engine&)>& work) {
  check_open();
  Task& self = world_.self(process_);
  world_.sleep_until(self, world_.clock(process_).monotonic() + world_.way_to_node(process_));
  wait_for_disk();
  check_open();
  in_turn_ = true;
  work(world_.host(process_).engine());
  in_turn_ = false;
  world_.end_turn(process_);
  wait_for_disk();
  // Its disk is full: the process has ended.
  if (process_.killed) check_open();
}

void GuestNode::run_look(const std::function<void(const Engine&)>& look) {
  check_open();
  static_cast<void>(world_.self(process_));
  look(world_.host(process_).engine());
}

// Handlers

void GuestNode::say(std::function<void()> line) {
  if (is_orphan_ || process_.killed) return;
  if (!in_turn_) return line();
  handlers_.post({.kind = Delivery::Kind::kLine, .run = std::move(line)});
  begin_handlers();
}

void GuestNode::heard(const Event& event) {
  if (!is_open_) return;
  const bool was = std::exchange(in_turn_, true);
  hooks_.on_event(event, world_.host(process_).engine());
  in_turn_ = was;
}

void GuestNode::turned() {
  if (deliveries_.empty() || process_.killed) return;
  handlers_.post(std::exchange(deliveries_, {}));
  begin_handlers();
}

void GuestNode::begin_handlers() {
  if (handling_ == nullptr) {
    handled_all_ = false;
    handling_ = &world_.begin(process_, [this] { handle(); });
  }
  world_.wake(*handling_);
}

void GuestNode::handle() {
  try {
    while (true) {
      while (handlers_.run_next()) {
      }
      if (closed_) break;
      world_.block(*handling_, std::nullopt);
    }
  } catch (const ProgramKilled&) {
    // By a crash, or by a handler that throws one of its own: the context ends either way, and nobody may wake it.
    handled_all_ = true;
    handling_ = nullptr;
    if (joiner_ != nullptr && !process_.killed) world_.wake(*joiner_);
    throw;
  }
  handled_all_ = true;
  if (joiner_ != nullptr) world_.wake(*joiner_);
}

bool GuestNode::on_handler_thread() const {
  return handling_ != nullptr && !handled_all_ && &world_.self(process_) == handling_;
}

}  // namespace meshdict::sim

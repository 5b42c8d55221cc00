#include "socket_core.h"

#include <pthread.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <cassert>
#include <csignal>
#include <optional>

#include "core/env/volatile_store.h"
#include "net/addresses.h"
#include "net/asio_transport.h"
#include "net/engine_loop.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "store/data_network.h"

namespace meshdict {
namespace {

/// The signals of a program are for its own threads.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

StorageTrouble trouble_of(StoreTrouble trouble) {
  switch (trouble) {
    case StoreTrouble::kUnusable:
      break;
    case StoreTrouble::kFull:
      return StorageTrouble::kFull;
    case StoreTrouble::kInUse:
      return StorageTrouble::kInUse;
    case StoreTrouble::kDamaged:
      return StorageTrouble::kDamaged;
    case StoreTrouble::kForeign:
      return StorageTrouble::kForeign;
    case StoreTrouble::kOtherNetwork:
      return StorageTrouble::kOtherNetwork;
  }
  return StorageTrouble::kUnusable;
}

[[noreturn]] void throw_storage(const StoreError& error) {
  throw StorageError(trouble_of(error.trouble), error.path, error.describe());
}

[[noreturn]] void throw_start(const StartError& error, const std::string& data_dir) {
  if (const auto* fault = std::get_if<SettingsFault>(&error)) throw SettingsError(fault->describe());
  throw_storage(about_content(data_dir, std::get<StoreError>(error)));
}

[[noreturn]] void throw_listen(const ListenFailure& error) {
  const Endpoint& at = error.address;
  if (error.trouble == ListenFailure::Trouble::kInUse) throw PortInUse(at.host, at.port, error.describe());
  throw ListenError(at.host, at.port, error.describe());
}

std::unique_ptr<SqliteStore> open_store(const SocketCore::Settings& settings) {
  if (settings.data_dir.empty()) return nullptr;
  // The store has a thread too.
  const AllSignalsBlocked blocked;
  auto opened = open_for_network(settings.data_dir, settings.durability, settings.engine);
  if (!opened) throw_storage(opened.error());
  return std::move(*opened);
}

}  // namespace

struct SocketCore::Task {
  const std::function<void(Engine&)>& work;
  std::mutex mutex;
  std::condition_variable ended;
  Outcome outcome = Outcome::kWaiting;  // guarded
};

/// In the order of construction: what is further down uses what is further up.
struct SocketCore::Parts final : private Observer {
  Parts(SocketCore& core, Settings settings)
      : owner(core),
        proof(std::move(settings.proof)),
        disk(open_store(settings)),
        store(disk ? static_cast<Store&>(*disk) : nowhere),
        transport(io),
        engine(std::move(settings.engine), clock, transport, store, random, *this),
        loop(io, clock, transport, store, engine, loop_hooks()) {
    if (proof == nullptr) return;
    transport.set_credentials(proof->credentials());
    const auto tell = [this](const std::string& line) { owner.hooks_.on_trouble(line); };
    for (const std::string& doubt : proof->credentials()->doubts())
      tell(doubt);
    proof_watch.emplace(
        io, *proof,
        CredentialWatch::Hooks{.on_new = [this](const auto& credentials) { transport.set_credentials(credentials); },
                               .on_news = [](const std::string&) {},
                               .on_trouble = tell});
  }

  EngineLoop::Hooks loop_hooks() {
    return {.before_engine = [this] { owner.enter(); },
            .after_commit = [this] { owner.after_turn(); },
            .before_stop = [this] { owner.refuse_all(); },
            .has_drained = {},
            .listen_trouble = [this](std::string_view detail) { owner.hooks_.on_trouble(std::string(detail)); }};
  }
  void on_event(const Event& event) override { owner.hooks_.on_event(event, engine); }

  SocketCore& owner;
  std::shared_ptr<CredentialKeeper> proof;
  SystemClock clock;
  SystemRandom random;
  VolatileStore nowhere;
  std::unique_ptr<SqliteStore> disk;
  Store& store;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  AsioTransport transport;
  Engine engine;
  EngineLoop loop;
  std::optional<CredentialWatch> proof_watch;
  std::thread thread;
};

SocketCore::SocketCore(Settings settings, Hooks hooks)
    : hooks_(std::move(hooks)),
      settings_(std::move(settings)),
      data_dir_(settings_.data_dir),
      handlers_([this] { hooks_.on_overflow(); }) {}

void SocketCore::open() {
  if (auto good = check_lease(settings_.engine); !good) throw SettingsError(good.error().describe());
  const Endpoint bind = settings_.bind;
  const Endpoint advertise = settings_.engine.advertise;
  parts_ = std::make_unique<Parts>(*this, std::move(settings_));
  const auto bound = parts_->transport.listen(bind);
  if (!bound) throw_listen(bound.error());
  address_ = *bound;
  if (is_wildcard(bound->host)) address_.host = lan_address();
  if (!advertise.host.empty()) address_ = advertise;
  parts_->engine.set_address(address_);
  if (auto started = parts_->engine.start(); !started) throw_start(started.error(), data_dir_);
  // The id is on disk before anybody can ask for it.
  if (auto committed = parts_->store.commit(); !committed) throw_storage(committed.error());
}

SocketCore::~SocketCore() {
  finish();
}

void SocketCore::run() {
  parts_->transport.start_accepting();
  const AllSignalsBlocked blocked;
  handlers_.start();
  parts_->thread = std::thread([this] { loop(); });
}

bool SocketCore::close() {
  if (closed_.exchange(true)) return false;
  // It could not be opened.
  if (parts_ == nullptr) return true;
  if (on_loop_thread()) {
    parts_->loop.stop();
  } else if (parts_->thread.joinable()) {
    asio::post(parts_->io, [this] { parts_->loop.stop(); });
    if (!on_handler_thread()) parts_->thread.join();
  }
  handlers_.stop();
  return true;
}

void SocketCore::finish() {
  assert(!on_loop_thread() && "a socket must not be destroyed by one of its own coroutines");
  close();
  if (parts_ != nullptr && parts_->thread.joinable()) parts_->thread.join();
  handlers_.stop();
  handlers_.join();
}

bool SocketCore::on_loop_thread() const {
  return loop_thread_.load() == std::this_thread::get_id();
}

const NodeId& SocketCore::id() const {
  return parts_->engine.id();
}

void* SocketCore::io_context() {
  return &parts_->io;
}

const Engine& SocketCore::engine() const {
  return parts_->engine;
}

void SocketCore::loop() {
  loop_thread_ = std::this_thread::get_id();
  auto outcome = parts_->loop.run();
  leave();
  closed_ = true;
  {
    const std::lock_guard lock(queue_mutex_);
    refusing_ = true;
    if (!outcome) end_ = outcome.error();
  }
  refuse_all();
  complete(waiting_, outcome ? Outcome::kRefused : Outcome::kFailed);
  loop_thread_ = std::thread::id();
  hooks_.on_end();
  if (parts_->disk) {
    // The engine is at its end and stages nothing more. After a failed commit this leaves the files alone.
    const auto closed = parts_->disk->close();
    if (outcome && !closed) outcome = closed;
  }
  if (!outcome) hooks_.on_trouble(outcome.error().describe());
}

void SocketCore::enter() {
  if (entered_) return;
  lock_.begin_turn();
  entered_ = true;
}

void SocketCore::leave() {
  if (!entered_) return;
  entered_ = false;
  lock_.end_turn();
}

void SocketCore::say(std::function<void()> line) {
  if (!on_loop_thread()) return line();
  handlers_.post({.kind = Delivery::Kind::kLine, .run = std::move(line)});
}

void SocketCore::hand_over_deliveries() {
  handlers_.post(std::exchange(deliveries_, {}));
}

/// The turn has been committed and its frames have left.
void SocketCore::after_turn() {
  leave();
  complete(waiting_, Outcome::kDone);
  hand_over_deliveries();
}

void SocketCore::run_task(const std::function<void(Engine&)>& work) {
  if (on_loop_thread()) return run_here(work);
  Task task{.work = work, .mutex = {}, .ended = {}};
  {
    const std::lock_guard lock(queue_mutex_);
    if (refusing_ || closed_) throw_closed();
    queue_.push_back(&task);
    if (queue_.size() == 1) asio::post(parts_->io, [this] { run_posted(); });
  }
  std::unique_lock lock(task.mutex);
  task.ended.wait(lock, [&task] { return task.outcome != Outcome::kWaiting; });
  if (task.outcome == Outcome::kDone) return;
  const std::lock_guard queue_lock(queue_mutex_);
  if (task.outcome == Outcome::kFailed) throw_storage(*end_);
  throw_closed();
}

void SocketCore::run_look(const std::function<void(const Engine&)>& look) {
  if (on_loop_thread()) {
    check_open();
    return look(engine());
  }
  const ReadHold hold(lock_);
  check_open();
  look(engine());
}

/// From a coroutine.
void SocketCore::run_here(const std::function<void(Engine&)>& work) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (refusing_ || closed_) throw_closed();
  }
  assert(!entered_);
  enter();
  work(parts_->engine);
  const auto committed = parts_->store.commit();
  leave();
  // The store takes nothing more: the loop ends with this turn.
  if (!committed) throw_storage(committed.error());
  hand_over_deliveries();
}

void SocketCore::run_posted() {
  std::vector<Task*> tasks;
  {
    const std::lock_guard lock(queue_mutex_);
    tasks.swap(queue_);
  }
  for (Task* const task : tasks) {
    enter();
    task->work(parts_->engine);
    waiting_.push_back(task);
  }
}

void SocketCore::complete(std::vector<Task*>& tasks, Outcome outcome) {
  for (Task* const task : tasks) {
    // Told under the lock: once it is free, the task may be gone.
    const std::lock_guard lock(task->mutex);
    task->outcome = outcome;
    task->ended.notify_one();
  }
  tasks.clear();
}

/// The engine is about to stop, or has.
void SocketCore::refuse_all() {
  std::vector<Task*> tasks;
  {
    const std::lock_guard lock(queue_mutex_);
    refusing_ = true;
    tasks.swap(queue_);
  }
  complete(tasks, Outcome::kRefused);
}

void SocketCore::check_open() const {
  if (closed_) throw SocketClosed("the socket is closed");
}

/// REQUIRES: queue_mutex_ is held.
void SocketCore::throw_closed() const {
  throw SocketClosed(end_ ? "the socket has closed itself: " + end_->describe() : "the socket is closed");
}

}  // namespace meshdict

#include "meshdict/sync_socket.h"

#include <optional>
#include <utility>
#include <variant>

#include "mesh_node.h"
#include "meshdict/machine.h"
#include "sync_state.h"

namespace meshdict {
namespace {

using detail::meta_of;

std::shared_ptr<detail::MeshNode> make_node(std::string addr, std::uint16_t port, const SyncOptions& options,
                                            detail::Runtime& runtime = detail::real_runtime()) {
  auto settings = detail::common_settings(std::move(addr), port, options);
  settings.protocol.network += options.leasing ? "1" : "0";
  settings.core.engine.leasing = options.leasing ? Leasing::kOn : Leasing::kOff;
  settings.core.engine.set_lease(options.lease);
  settings.core.engine.clock_guard = options.clock_guard;
  settings.core.durability = options.sync_each_write ? Durability::kAlways : Durability::kInterval;
  return std::make_shared<detail::MeshNode>(std::move(settings), runtime);
}

[[noreturn]] void refuse(const NodeCore& core, std::string_view key, const WriteError& error) {
  if (const auto* leased = std::get_if<Leased>(&error)) {
    throw LeasedError(std::string(key), std::string(leased->owner.text()),
                      std::chrono::ceil<std::chrono::milliseconds>(leased->left));
  }
  if (const auto* wrong = std::get_if<WrongClock>(&error)) {
    throw ClockError(std::string(key), std::chrono::floor<std::chrono::milliseconds>(wrong->ahead), describe(error));
  }
  if (const auto* bad_key = std::get_if<BadKey>(&error)) throw InvalidKey(bad_key->what);
  if (const auto* bad_value = std::get_if<BadValue>(&error)) throw ValueError(bad_value->what);
  if (std::holds_alternative<NoRoom>(error)) {
    throw StorageError(StorageTrouble::kFull, core.data_dir(), describe(error));
  }
  throw KeyError(std::string(key));
}

/// The present value, as MessagePack.
std::optional<Raw> find(const Engine& engine, std::string_view key) {
  const auto record = engine.dictionary().find(key);
  return record ? std::optional<Raw>(record->value) : std::nullopt;
}

LeaseInfo info_of(const LeaseView& view) {
  return {.owner = std::string(view.owner.text()),
          .held = view.held,
          .ours = view.ours,
          .state = static_cast<LeaseInfo::State>(view.state),
          .left = std::chrono::duration_cast<std::chrono::milliseconds>(view.left),
          .epoch = std::to_underlying(view.epoch),
          .fence = {view.fence}};
}

}  // namespace

SyncSocket::SyncSocket(std::string addr, std::uint16_t port, SyncOptions options)
    : SyncSocket(make_node(std::move(addr), port, options)) {}

SyncSocket::SyncSocket(std::shared_ptr<detail::MeshNode> made)
    : MeshSocket(std::move(made)), state_(std::make_unique<detail::SyncState>(node(), *this)) {
  start();
}

SyncSocket Machine::socket(const SyncOptions& options) {
  return SyncSocket(make_node("", 0, options, runtime()));
}

SyncSocket::~SyncSocket() {
  finish();
}

void SyncSocket::set(TextView key, const Value& value) {
  const Raw packed = value.packed();
  const auto done = node().core().call([&](Engine& engine) { return engine.set(key, packed); });
  if (!done) refuse(node().core(), key, done.error());
  state_->note_write({std::string(key)});
}

/// `object` looks at the dictionary in the turn of the write.
template <typename Object>
WriteResult SyncSocket::write_unless(TextView key, const Value& value, Object object) {
  const Raw packed = value.packed();
  Objection objection;
  const auto done = node().core().call([&](Engine& engine) -> std::expected<void, WriteError> {
    objection = object(engine.dictionary());
    if (objection) return {};
    return engine.set(key, packed);
  });
  if (objection) return {.outcome = *objection};
  if (!done) {
    const auto* const leased = std::get_if<Leased>(&done.error());
    if (leased == nullptr) refuse(node().core(), key, done.error());
    return {.outcome = WriteResult::Outcome::kLeased,
            .owner = std::string(leased->owner.text()),
            .left = std::chrono::ceil<std::chrono::milliseconds>(leased->left)};
  }
  state_->note_write({std::string(key)});
  return {};
}

WriteResult SyncSocket::try_set(TextView key, const Value& value) {
  return write_unless(key, value, [](const Dictionary&) { return Objection(); });
}

WriteResult SyncSocket::set_if_absent(TextView key, const Value& value) {
  return write_unless(key, value, [&](const Dictionary& dictionary) {
    return dictionary.find(key) ? Objection(WriteResult::Outcome::kThere) : std::nullopt;
  });
}

WriteResult SyncSocket::set_if(TextView key, const Fence& fence, const Value& value) {
  return write_unless(key, value, [&](const Dictionary& dictionary) {
    const auto view = dictionary.lease(key);
    return view && view->fence == fence.bytes ? std::nullopt : Objection(WriteResult::Outcome::kOtherFence);
  });
}

template <typename Change>
bool SyncSocket::change_lease(TextView key, Change change) {
  bool there = false;
  const auto changed = node().core().call([&](Engine& engine) {
    there = find(engine, key).has_value();
    return change(engine);
  });
  if (!there) throw KeyError(std::string(key));
  if (!changed) refuse(node().core(), key, changed.error());
  if (*changed) state_->note_write({std::string(key)});
  return *changed;
}

bool SyncSocket::renew(TextView key) {
  return change_lease(key, [&](Engine& engine) { return engine.renew(key); });
}

bool SyncSocket::release(TextView key) {
  return change_lease(key, [&](Engine& engine) { return engine.release(key); });
}

void SyncSocket::update(const Value::Map& items) {
  std::vector<std::pair<std::string_view, Raw>> packed;
  packed.reserve(items.size());
  for (const auto& [key, value] : items)
    packed.emplace_back(key, value.packed());
  const auto done = node().core().call([&](Engine& engine) {
    std::vector<WriteOp> ops;
    ops.reserve(packed.size());
    for (const auto& [key, value] : packed)
      ops.push_back({.key = key, .value = value});
    return engine.write(ops);
  });
  if (!done) refuse(node().core(), packed[done.error().index].first, done.error().error);
  std::vector<std::string> keys;
  keys.reserve(items.size());
  for (const auto& [key, value] : items)
    keys.push_back(key);
  state_->note_write(std::move(keys));
}

void SyncSocket::erase(TextView key) {
  const auto done = node().core().call([&](Engine& engine) { return engine.erase(key); });
  if (!done) refuse(node().core(), key, done.error());
  state_->note_write({std::string(key)});
}

Value SyncSocket::pop(TextView key) {
  const auto done = node().core().call([&](Engine& engine) -> std::expected<Raw, WriteError> {
    std::optional<Raw> held = find(engine, key);
    if (auto erased = engine.erase(key); !erased) return std::unexpected(std::move(erased.error()));
    return *std::move(held);
  });
  if (!done) refuse(node().core(), key, done.error());
  state_->note_write({std::string(key)});
  return Value::unpacked(*done);
}

Value SyncSocket::pop(TextView key, Value fallback) {
  try {
    return pop(key);
  } catch (const KeyError&) {
    return fallback;
  }
}

std::pair<std::string, Value> SyncSocket::popitem() {
  struct Popped {
    std::string key;
    std::expected<Raw, WriteError> value;
  };
  const auto popped = node().core().call([](Engine& engine) {
    const Dictionary& dictionary = engine.dictionary();
    std::optional<Popped> refused;
    for (const auto& [key, record] : dictionary.records()) {
      if (!is_visible(record.version)) continue;
      if (auto admitted = dictionary.admit(key); !admitted) {
        if (!refused) refused = Popped{.key = std::string(key), .value = std::unexpected(std::move(admitted.error()))};
        continue;
      }
      // Copied: the record goes with its key.
      Popped found{.key = std::string(key), .value = Raw(record.value)};
      if (auto erased = engine.erase(found.key); !erased) found.value = std::unexpected(std::move(erased.error()));
      return found;
    }
    return refused ? *std::move(refused) : Popped{.key = "", .value = std::unexpected(WriteError(NoSuchKey{}))};
  });
  if (!popped.value) refuse(node().core(), popped.key, popped.value.error());
  state_->note_write({popped.key});
  return {popped.key, Value::unpacked(*popped.value)};
}

Value SyncSocket::get(TextView key, Value fallback) const {
  const auto packed = node().core().read([&](const Engine& engine) { return find(engine, key); });
  return packed ? Value::unpacked(*packed) : std::move(fallback);
}

Value SyncSocket::at(TextView key) const {
  const auto packed = node().core().read([&](const Engine& engine) { return find(engine, key); });
  if (!packed) throw KeyError(std::string(key));
  return Value::unpacked(*packed);
}

Meta SyncSocket::meta(TextView key) const {
  const auto meta = node().core().read([&](const Engine& engine) -> std::optional<Meta> {
    const auto record = engine.dictionary().find(key);
    return record ? std::optional(meta_of(record->version)) : std::nullopt;
  });
  if (!meta) throw KeyError(std::string(key));
  return *meta;
}

bool SyncSocket::contains(TextView key) const {
  return node().core().read([&](const Engine& engine) { return engine.dictionary().find(key).has_value(); });
}

std::size_t SyncSocket::size() const {
  return node().core().read([](const Engine& engine) { return engine.dictionary().size(); });
}

std::vector<std::string> SyncSocket::keys() const {
  std::vector<std::string> keys;
  for (const Snapshot taken = snapshot(); const Snapshot::Record& record : taken.records())
    keys.push_back(record.key);
  return keys;
}

std::vector<Value> SyncSocket::values() const {
  std::vector<Value> values;
  for (const Snapshot taken = snapshot(); const Snapshot::Record& record : taken.records())
    values.push_back(Value::unpacked(record.packed));
  return values;
}

std::vector<std::pair<std::string, Value>> SyncSocket::items() const {
  std::vector<std::pair<std::string, Value>> items;
  for (const Snapshot taken = snapshot(); const Snapshot::Record& record : taken.records())
    items.emplace_back(record.key, Value::unpacked(record.packed));
  return items;
}

Value::Map SyncSocket::copy() const {
  Value::Map map;
  for (const Snapshot taken = snapshot(); const Snapshot::Record& record : taken.records())
    map.emplace_hint(map.end(), record.key, Value::unpacked(record.packed));
  return map;
}

Snapshot SyncSocket::snapshot(TextView prefix) const {
  return Snapshot(node().core().read([&](const Engine& engine) {
    std::vector<Snapshot::Record> taken;
    const auto& records = engine.dictionary().records();
    if (std::string_view(prefix).empty()) taken.reserve(engine.dictionary().size());
    for (auto at = records.lower_bound(prefix); at != records.end() && at->first.starts_with(prefix); ++at) {
      if (!is_visible(at->second.version)) continue;
      taken.push_back({.key = std::string(at->first),
                       .packed = std::string(at->second.value),
                       .meta = meta_of(at->second.version)});
    }
    return taken;
  }));
}

std::optional<LeaseInfo> SyncSocket::lease(TextView key) const {
  return node().core().read([&](const Engine& engine) -> std::optional<LeaseInfo> {
    const auto view = engine.dictionary().lease(key);
    return view ? std::optional(info_of(*view)) : std::nullopt;
  });
}

Fence SyncSocket::fence(TextView key) const {
  const auto view = lease(key);
  if (!view) throw KeyError(std::string(key));
  return view->fence;
}

std::string SyncSocket::explain(TextView key) const {
  return node().core().read([&](const Engine& engine) { return engine.dictionary().explain(key); });
}

std::size_t SyncSocket::wait(std::size_t replicas, std::chrono::milliseconds timeout) {
  return state_->wait(replicas, timeout);
}

Watch SyncSocket::watch(TextView prefix, WatchHandler handler) {
  auto watch = std::make_shared<detail::WatchState>();
  watch->prefix = prefix;
  watch->handler = std::move(handler);
  node().core().call([&](Engine& engine) { state_->watch(watch, engine.dictionary()); });
  return Watch(watch);
}

Watch& Watch::operator=(Watch&& other) noexcept {
  cancel();
  state_ = std::move(other.state_);
  return *this;
}

void Watch::cancel() {
  if (state_) state_->cancelled = true;
  state_.reset();
}

}  // namespace meshdict

#pragma once
// Events and their listeners: on, once, emit, listeners, remove_listener, remove_all_listeners.
//
// An event is a type with a name and a signature. Typed, a handler that does not fit fails to compile:
//
//   struct Tick { static constexpr std::string_view kName = "tick"; using Signature = void(int count); };
//   emitter.on<Tick>([](int count) { ... });
//   emitter.emit<Tick>(3);
//
// By name, a handler that does not fit is refused with an EventError when it is registered. A name that no type stands for is
// an event of its own, whose arguments are Values:
//
//   emitter.on("tick", [](int count) { ... });                          // where Tick is among the emitter's events
//   emitter.on("alarm", [](const EventArguments& args) { ... args.at(0).as<std::string>() ... });
//   emitter.emit("alarm", "the disk is full", 97);
//
// Every emitter has the event "new_listener", raised before a listener is added, and "error": emit of an error that nobody
// listens to throws it. Both are as in pyee, the emitter of py2p.
//
// 1. Every member may be called from any thread, and from inside a handler. No lock is held while a handler runs.
// 2. emit() calls the handlers on the calling thread, in the order of their registration: those that were registered when it
//    began. It returns true when there was one.
// 3. A handler of once() is called once, however many threads emit.
// 4. After remove_listener() has returned, the handler is not called any more; a call that has begun runs on.
// 5. A handler that throws ends its emit(), and the handlers behind it are not called. (An event that a socket raises by itself
//    goes to all handlers; what they throw goes to MeshSocket::status().)
// 6. A handler may be a coroutine, see coroutine.h.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "meshdict/errors.h"
#include "meshdict/value.h"

namespace meshdict {

/// Names a listener of one emitter. Never used again for another.
enum class ListenerId : std::uint64_t { kNone = 0 };

using EventArguments = std::vector<Value>;

template <typename E>
concept EventType = requires {
  { E::kName } -> std::convertible_to<std::string_view>;
  typename E::Signature;
};

namespace event {

/// A listener is about to be added to `event`.
struct NewListener {
  static constexpr std::string_view kName = "new_listener";
  using Signature = void(const std::string& event, ListenerId listener);
};
/// For a program's own errors; nothing here raises it.
struct Error {
  static constexpr std::string_view kName = "error";
  using Signature = void(const std::exception& error);
};

}  // namespace event

namespace detail {

template <typename... E>
struct EventList {};

/// Where coroutines run.
class Spawner {
 public:
  virtual ~Spawner() = default;
  /// The asio::io_context of the loop.
  virtual void* io_context() = 0;
  /// A coroutine ended with an exception.
  virtual void coroutine_failed(const std::exception_ptr& error) = 0;
};

/// Calls a handler and takes care of what it returns. coroutine.h adds the form for coroutines.
template <typename Result>
struct Call {
  static_assert(std::is_void_v<Result>,
                "a handler returns nothing; one that is a coroutine returns asio::awaitable<void> and needs "
                "#include <meshdict/coroutine.h>");
  template <typename Handler, typename... Arguments>
  static void run(Spawner* /*spawner*/, Handler& handler, Arguments&&... arguments) {
    handler(std::forward<Arguments>(arguments)...);
  }
};

template <typename Signature>
struct SignatureOf;
template <typename... Arguments>
struct SignatureOf<void(Arguments...)> {
  using Function = std::function<void(Arguments...)>;
  template <typename Handler>
  static constexpr bool kFits = std::is_invocable_v<Handler&, Arguments...>;

  template <typename Handler>
  static Function wrap(Handler handler, Spawner* spawner) {
    using Result = std::invoke_result_t<Handler&, Arguments...>;
    // Shared: a coroutine may outlive the listener that it came from, and two threads may emit at once.
    return [kept = std::make_shared<Handler>(std::move(handler)), spawner](Arguments... arguments) {
      Call<Result>::run(spawner, *kept, std::forward<Arguments>(arguments)...);
    };
  }
};

using NamedSignature = void(const EventArguments&);

enum class Calls : bool { kAll, kOne };

/// One listener. `function` is a SignatureOf<...>::Function of the signature of its event.
struct Listener {
  ListenerId id = ListenerId::kNone;
  bool once = false;
  std::shared_ptr<void> function;
  std::atomic<bool> removed = false;
};
using Listeners = std::vector<std::shared_ptr<Listener>>;

/// The listeners of all events, without their types. Thread-safe.
class ListenerTable {
 public:
  ListenerTable();
  ~ListenerTable();
  ListenerTable(const ListenerTable&) = delete;
  ListenerTable& operator=(const ListenerTable&) = delete;

  /// From now on all listeners of `event` have this signature.
  void declare(std::string_view event, const std::type_info& signature);
  ListenerId next_id();
  /// All three throw EventError when the listeners of `event` have another signature.
  void check(std::string_view event, const std::type_info& signature) const;
  void add(std::string_view event, const std::type_info& signature, std::shared_ptr<Listener> listener);
  [[nodiscard]] Listeners of(std::string_view event, const std::type_info& signature) const;
  [[nodiscard]] std::vector<ListenerId> ids(std::string_view event) const;
  [[nodiscard]] bool has(std::string_view event) const;
  bool remove(std::string_view event, ListenerId listener);
  void clear(std::string_view event);
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[noreturn]] void refuse_handler(std::string_view event);
[[noreturn]] void refuse_emit(std::string_view event);

}  // namespace detail

class EventEmitter {
 public:
  EventEmitter() = default;
  EventEmitter(const EventEmitter&) = delete;
  EventEmitter& operator=(const EventEmitter&) = delete;

  // Typed

  /// Calls `handler` at each E from now on.
  template <EventType E, typename Handler>
    requires(detail::SignatureOf<typename E::Signature>::template kFits<Handler>)
  ListenerId on(Handler handler) {
    return add<typename E::Signature>(E::kName, std::move(handler), detail::Calls::kAll);
  }
  /// Calls `handler` at the next E only.
  template <EventType E, typename Handler>
    requires(detail::SignatureOf<typename E::Signature>::template kFits<Handler>)
  ListenerId once(Handler handler) {
    return add<typename E::Signature>(E::kName, std::move(handler), detail::Calls::kOne);
  }
  template <EventType E, typename... Arguments>
    requires(std::is_invocable_v<typename detail::SignatureOf<typename E::Signature>::Function&, Arguments...>)
  bool emit(Arguments&&... arguments) {
    return raise<typename E::Signature>(E::kName, std::forward<Arguments>(arguments)...);
  }
  template <EventType E>
  [[nodiscard]] std::vector<ListenerId> listeners() const {
    return listeners(E::kName);
  }
  template <EventType E>
  bool remove_listener(ListenerId listener) {
    return remove_listener(E::kName, listener);
  }
  template <EventType E>
  void remove_all_listeners() {
    remove_all_listeners(E::kName);
  }

  // By name

  template <typename Handler>
  ListenerId on(std::string_view event, Handler handler) {
    return add_named(OwnEvents(), event, std::move(handler), detail::Calls::kAll);
  }
  template <typename Handler>
  ListenerId once(std::string_view event, Handler handler) {
    return add_named(OwnEvents(), event, std::move(handler), detail::Calls::kOne);
  }
  template <typename... Arguments>
  bool emit(std::string_view event, Arguments&&... arguments) {
    return emit_named(OwnEvents(), event, std::forward<Arguments>(arguments)...);
  }
  /// Of an event, in the order of their registration.
  [[nodiscard]] std::vector<ListenerId> listeners(std::string_view event) const { return table_.ids(event); }
  /// False when there is no such listener.
  bool remove_listener(std::string_view event, ListenerId listener) { return table_.remove(event, listener); }
  void remove_all_listeners(std::string_view event) { table_.clear(event); }
  void remove_all_listeners() { table_.clear(); }

 protected:
  using OwnEvents = detail::EventList<event::NewListener, event::Error>;

  ~EventEmitter() = default;

  /// For the events of a derived emitter, before anybody can register for them by name.
  template <EventType... E>
  void declare(detail::EventList<E...> /*events*/) {
    (table_.declare(E::kName, typeid(typename E::Signature)), ...);
  }
  void set_spawner(detail::Spawner* spawner) { spawner_ = spawner; }
  [[nodiscard]] bool has_listeners(std::string_view event) const { return table_.has(event); }

  /// As on() and once() by name, in an emitter that has these events.
  template <EventType... E, typename Handler>
  ListenerId add_named(detail::EventList<E...> /*events*/, std::string_view event, Handler handler,
                       detail::Calls calls) {
    ListenerId added = ListenerId::kNone;
    const bool known = (add_if_named<E>(event, handler, calls, added) || ...);
    if (known) return added;
    if constexpr (detail::SignatureOf<detail::NamedSignature>::kFits<Handler>) {
      return add<detail::NamedSignature>(event, std::move(handler), calls);
    } else {
      detail::refuse_handler(event);
    }
  }
  /// As emit() by name.
  template <EventType... E, typename... Arguments>
  bool emit_named(detail::EventList<E...> /*events*/, std::string_view event, Arguments&&... arguments) {
    bool handled = false;
    const bool known = (emit_if_named<E>(event, handled, arguments...) || ...);
    if (known) return handled;
    if constexpr ((std::convertible_to<Arguments&&, Value> && ...)) {
      return raise<detail::NamedSignature>(event, EventArguments{Value(std::forward<Arguments>(arguments))...});
    } else {
      detail::refuse_emit(event);
    }
  }
  /// Calls every handler; `caught` gets what they throw. For events that no caller waits for.
  template <EventType E, typename Caught, typename... Arguments>
  void emit_to_all(const Caught& caught, Arguments&&... arguments) {
    for (const auto& listener : table_.of(E::kName, typeid(typename E::Signature))) {
      try {
        call<typename E::Signature>(E::kName, *listener, arguments...);
      } catch (...) {
        caught(std::current_exception());
      }
    }
  }

 private:
  template <typename Signature, typename Handler>
  ListenerId add(std::string_view event, Handler handler, detail::Calls calls) {
    table_.check(event, typeid(Signature));
    auto listener = std::make_shared<detail::Listener>();
    listener->id = table_.next_id();
    listener->once = calls == detail::Calls::kOne;
    using Function = typename detail::SignatureOf<Signature>::Function;
    listener->function = std::make_shared<Function>(detail::SignatureOf<Signature>::wrap(std::move(handler), spawner_));
    const ListenerId id = listener->id;
    raise<event::NewListener::Signature>(event::NewListener::kName, std::string(event), id);
    table_.add(event, typeid(Signature), std::move(listener));
    return id;
  }

  template <typename Signature, typename... Arguments>
  bool raise(std::string_view event, Arguments&&... arguments) {
    bool handled = false;
    for (const auto& listener : table_.of(event, typeid(Signature)))
      handled = call<Signature>(event, *listener, arguments...) || handled;
    if constexpr (std::is_same_v<Signature, event::Error::Signature>) {
      if (!handled && event == event::Error::kName) throw Error((arguments.what(), ...));
    }
    return handled;
  }

  template <typename Signature, typename... Arguments>
  bool call(std::string_view event, detail::Listener& listener, Arguments&... arguments) {
    if (listener.once ? listener.removed.exchange(true) : listener.removed.load()) return false;
    if (listener.once) table_.remove(event, listener.id);
    (*static_cast<typename detail::SignatureOf<Signature>::Function*>(listener.function.get()))(arguments...);
    return true;
  }

  template <EventType E, typename Handler>
  bool add_if_named(std::string_view event, Handler& handler, detail::Calls calls, ListenerId& added) {
    if (event != E::kName) return false;
    if constexpr (detail::SignatureOf<typename E::Signature>::template kFits<Handler>) {
      added = add<typename E::Signature>(event, std::move(handler), calls);
      return true;
    } else {
      detail::refuse_handler(event);
    }
  }
  template <EventType E, typename... Arguments>
  bool emit_if_named(std::string_view event, bool& handled, Arguments&... arguments) {
    if (event != E::kName) return false;
    using Function = typename detail::SignatureOf<typename E::Signature>::Function;
    if constexpr (std::is_invocable_v<Function&, Arguments&...>) {
      handled = raise<typename E::Signature>(event, arguments...);
      return true;
    } else {
      detail::refuse_emit(event);
    }
  }

  detail::ListenerTable table_;
  detail::Spawner* spawner_ = nullptr;
};

}  // namespace meshdict

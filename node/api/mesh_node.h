#pragma once
// The inside of MeshSocket: a NodeCore, and what turns its events into messages, listeners' calls and a status.
//
// 1. Held by shared_ptr: messages and neighbours that a program keeps refer to it weakly.
// 2. The facade, the MeshSocket, outlives the loop, and with it every delivery.

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshdict/mesh_socket.h"
#include "proof.h"
#include "runtime.h"

namespace meshdict::detail {

class MeshNode final : public Spawner, public std::enable_shared_from_this<MeshNode> {
 public:
  struct Settings {
    NodeCore::Settings core;
    Protocol protocol;
    int debug_level = 0;
    LogSink log;
  };
  /// Events of the dictionary, from within a call to the engine.
  using DictionaryHook = std::function<void(const Event& event, const Dictionary& dictionary)>;

  /// On the real world, or on another, which outlives it.
  explicit MeshNode(Settings settings, Runtime& runtime = real_runtime());

  /// Both before the core runs.
  void attach(MeshSocket& facade) { facade_ = &facade; }
  void set_dictionary_hooks(DictionaryHook on_event, std::function<void()> on_end) {
    on_dictionary_ = std::move(on_event);
    on_end_ = std::move(on_end);
  }

  [[nodiscard]] NodeCore& core() { return core_; }
  [[nodiscard]] Runtime& runtime() { return runtime_; }
  [[nodiscard]] const Protocol& protocol() const { return protocol_; }

  // Messages
  void send(const std::vector<Value>& packets, SendOptions options);
  void whisper(std::string_view receiver, const std::vector<Value>& packets);
  void add_handler(MeshSocket::MessageHandler handler);
  /// Returns whether a handler took it.
  bool show_to_handlers(const Message& message, const Neighbour& from);
  void enqueue(Message message);
  std::vector<Message> take(std::size_t quantity);
  void wait_for_message(std::chrono::milliseconds patience);

  [[nodiscard]] std::vector<Neighbour> neighbours();

  // Trouble and talk
  void note_trouble(const std::string& what);
  void note_exception(std::string_view where, const std::exception_ptr& error);
  [[nodiscard]] Status status() const;
  void log(int level, std::string_view line);
  [[nodiscard]] bool logs(int level) const { return level <= debug_level_; }
  std::atomic<int>& debug_level() { return debug_level_; }

  void* io_context() override { return core_.io_context(); }
  void coroutine_failed(const std::exception_ptr& error) override { note_exception("a coroutine", error); }

  /// Raises E, with the facade as its first argument. On the handlers' thread.
  template <EventType E, typename Facade, typename... Arguments>
  void raise(Facade& facade, const Arguments&... arguments) {
    facade.template emit_to_all<E>([this](const std::exception_ptr& error) { note_exception(E::kName, error); }, facade,
                                   arguments...);
  }

 private:
  void on_event(const Event& event, const Engine& engine);
  void tell(const PeerUp& e);
  void tell(const PeerDown& e);
  void tell(const MessageArrived& e);
  void tell(const Refused& e);
  void tell(const Undeliverable& e);
  void tell(const LeftOut& e);
  void tell_of_overflow();
  void wake_readers();
  /// For status().
  void keep_error(const std::string& what);
  void deliver(const MessageArrived& e, const Neighbour::Content& from);

  Runtime& runtime_;
  Protocol protocol_;
  std::atomic<int> debug_level_;
  LogSink log_;
  MeshSocket* facade_ = nullptr;
  DictionaryHook on_dictionary_;
  std::function<void()> on_end_;

  struct Known {
    Neighbour::Content content;
    std::chrono::steady_clock::time_point since;
  };
  // The neighbours. Used on the loop's thread only.
  std::map<NodeId, Known> known_;

  mutable std::mutex handlers_mutex_;
  std::vector<std::shared_ptr<MeshSocket::MessageHandler>> handlers_;

  mutable std::mutex queue_mutex_;
  std::unique_ptr<WaitPoint> arrived_;
  std::deque<Message> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool ended_ = false;

  mutable std::mutex status_mutex_;
  std::deque<std::string> errors_;

  /// Last: its loop ends before anything above goes.
  std::unique_ptr<NodeCore> owned_core_;
  NodeCore& core_;
};

/// For the constructors: what the core needs of the options that both sockets have.
template <typename Options>
MeshNode::Settings common_settings(std::string addr, std::uint16_t port, const Options& options) {
  MeshNode::Settings settings;
  settings.core.proof = load_proof(options.protocol, options.proof);
  if (settings.core.proof != nullptr) settings.core.engine.proven_id = settings.core.proof->credentials()->id();
  settings.protocol = options.protocol;
  settings.debug_level = options.debug_level;
  settings.log = options.log;
  // As a socket of Python takes it: all addresses of this machine.
  settings.core.bind = {addr.empty() ? "0.0.0.0" : std::move(addr), port};
  settings.core.data_dir = options.data_dir;
  settings.core.engine.network = options.protocol.network;
  settings.core.engine.encryption = options.protocol.encryption;
  if (options.out_addr) settings.core.engine.advertise = {options.out_addr->host, options.out_addr->port};
  return settings;
}

}  // namespace meshdict::detail

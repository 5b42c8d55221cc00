#include "mesh_node.h"

#include <algorithm>
#include <exception>
#include <iostream>
#include <sstream>
#include <variant>

#include "api_limits.h"
#include "meshdict/machine.h"

namespace meshdict::detail {
namespace {

std::vector<Raw> packed(const std::vector<Value>& packets) {
  std::vector<Raw> raw;
  raw.reserve(packets.size());
  for (const Value& packet : packets)
    raw.push_back(packet.packed());
  return raw;
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

bool is_kill(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const ProgramKilled&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// It unwinds the program, and is nobody's to keep.
void pass_on_kill(const std::exception_ptr& error) {
  if (is_kill(error)) std::rethrow_exception(error);
}

bool is_closing(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const SocketClosed&) {
    return true;
  } catch (...) {
    return false;
  }
}

void check_flag(Flag flag) {
  if (flag != Flag::kBroadcast && flag != Flag::kWhisper) throw ReservedFlag(static_cast<std::uint8_t>(flag));
}

}  // namespace

MeshNode::MeshNode(Settings settings, Runtime& runtime)
    : runtime_(runtime),
      protocol_(std::move(settings.protocol)),
      debug_level_(settings.debug_level),
      log_(std::move(settings.log)),
      arrived_(runtime.make_wait_point()),
      owned_core_(
          runtime.make_core(std::move(settings.core),
                            {.on_event = [this](const Event& event, const Engine& engine) { on_event(event, engine); },
                             .on_trouble = [this](const std::string& what) { note_trouble(what); },
                             .on_end = [this] { wake_readers(); },
                             .on_overflow = [this] { tell_of_overflow(); }})),
      core_(*owned_core_) {
  core_.open();
  if (protocol_.encryption == "SSL") log(1, std::string("encryption 'SSL': ").append(kPy2pProvesNothing));
}

void MeshNode::on_event(const Event& event, const Engine& engine) {
  std::visit(
      [&](const auto& e) {
        if constexpr (requires { tell(e); }) {
          tell(e);
        } else if (on_dictionary_) {
          on_dictionary_(event, engine.dictionary());
        }
      },
      event);
}

void MeshNode::tell(const PeerUp& e) {
  const Neighbour::Content content{.id = std::string(e.peer.text()),
                                   .address = {e.address.host, e.address.port},
                                   .outgoing = e.dialed_by_us,
                                   .meshdict = e.meshdict};
  const bool first = known_.empty();
  known_.insert_or_assign(e.peer, Known{.content = content, .since = runtime_.now()});
  log(1, "neighbour " + content.id + " up at " + to_string(content.address));
  if (!first) return;
  core_.deliver(Delivery::change(Topic::kNeighbours, "", 0, [this] { raise<event::Connect>(*facade_); }));
}

void MeshNode::tell(const PeerDown& e) {
  known_.erase(e.peer);
  log(1, "neighbour " + std::string(e.peer.text()) + " down: " + std::string(to_string(e.reason)) + " " + e.detail);
}

void MeshNode::tell(const Refused& e) {
  log(1, "connection " + std::string(e.dialed_by_us ? "to " : "from ") + to_string(e.remote) +
             " refused: " + std::string(to_string(e.reason)) + " " + e.detail);
}

void MeshNode::tell(const Undeliverable& e) {
  log(1, "nobody knows where " + std::string(e.receiver.text()) + " is: a message for it was dropped");
}

void MeshNode::tell(const LeftOut& e) {
  log(1, "messages for " + std::string(e.peer.text()) + " are left out: it takes less than comes");
}

void MeshNode::tell_of_overflow() {
  const HandlerLosses losses = core_.losses();
  note_trouble("handlers are slower than what comes: " + std::to_string(losses.dropped_messages) +
               " messages dropped, " + std::to_string(losses.merged_changes) +
               " changes left out for later ones of their keys");
  raise<event::Overflow>(*facade_);
}

void MeshNode::tell(const MessageArrived& e) {
  const auto found = known_.find(e.from);
  Neighbour::Content from{.id = std::string(e.from.text()), .address = {}};
  if (found != known_.end()) {
    from = found->second.content;
    from.connected_for = std::chrono::duration_cast<std::chrono::microseconds>(runtime_.now() - found->second.since);
  }
  std::size_t bytes = 0;
  for (const Raw& packet : e.packets)
    bytes += packet.size();
  core_.deliver({.kind = Delivery::Kind::kMessage, .run = [this, e, from] { deliver(e, from); }, .bytes = bytes});
}

void MeshNode::deliver(const MessageArrived& e, const Neighbour::Content& from) {
  try {
    Message::Content content{.packets = {},
                             .sender = std::string(e.sender.text()),
                             .time = e.time,
                             .id = std::string(e.id.view()),
                             .flag = e.whisper ? Flag::kWhisper : Flag::kBroadcast,
                             .type = static_cast<Flag>(e.type)};
    for (const Raw& packet : e.packets) {
      content.packets.push_back(Value::unpacked(packet));
      content.size += packet.size();
    }
    const Message message(std::move(content), weak_from_this());
    if (logs(4)) log(4, message.describe());
    facade_->handle_msg(message, Neighbour(from, weak_from_this()));
  } catch (...) {
    note_exception("a handler of messages", std::current_exception());
  }
}

void MeshNode::send(const std::vector<Value>& packets, SendOptions options) {
  check_flag(options.flag);
  check_flag(options.type);
  const std::vector<Raw> raw = packed(packets);
  const auto type = static_cast<SubFlag>(options.type);
  const auto refused = core_.call([&](Engine& engine) -> std::optional<MessageFault> {
    const std::vector<RawView> views(raw.begin(), raw.end());
    if (options.flag == Flag::kBroadcast) {
      const auto sent = engine.broadcast(views, type);
      return sent ? std::nullopt : std::optional(sent.error());
    }
    for (const NeighbourView& neighbour : engine.neighbours()) {
      if (const auto sent = engine.whisper(neighbour.id, views, type); !sent) return sent.error();
    }
    return std::nullopt;
  });
  if (refused) throw ValueError(std::string(describe(*refused)));
}

void MeshNode::whisper(std::string_view receiver, const std::vector<Value>& packets) {
  const auto to = NodeId::parse(receiver);
  if (!to) throw Error("not a node's id: " + to.error());
  const std::vector<Raw> raw = packed(packets);
  const auto outcome =
      core_.call([&](Engine& engine) { return engine.whisper(*to, std::vector<RawView>(raw.begin(), raw.end())); });
  if (!outcome) throw ValueError(std::string(describe(outcome.error())));
  if (*outcome == WhisperOutcome::kRefused) {
    throw Error("the message was not sent: too many are held back for nodes that are searched, or it is for ourselves");
  }
}

void MeshNode::add_handler(MeshSocket::MessageHandler handler) {
  const std::lock_guard lock(handlers_mutex_);
  handlers_.push_back(std::make_shared<MeshSocket::MessageHandler>(std::move(handler)));
}

bool MeshNode::show_to_handlers(const Message& message, const Neighbour& from) {
  std::vector<std::shared_ptr<MeshSocket::MessageHandler>> handlers;
  {
    const std::lock_guard lock(handlers_mutex_);
    handlers = handlers_;
  }
  return std::ranges::any_of(handlers, [&](const auto& handler) { return (*handler)(message, from); });
}

void MeshNode::enqueue(Message message) {
  bool dropped = false;
  {
    const std::lock_guard lock(queue_mutex_);
    queued_bytes_ += message.size();
    queue_.push_back(std::move(message));
    while (queue_.size() > api_limits::kMaxReceived || queued_bytes_ > api_limits::kMaxReceivedBytes) {
      queued_bytes_ -= queue_.front().size();
      queue_.pop_front();
      dropped = dropped_++ == 0 || dropped;
    }
  }
  arrived_->notify_all();
  if (dropped) note_trouble("messages are dropped, the oldest first: nobody calls recv()");
}

std::vector<Message> MeshNode::take(std::size_t quantity) {
  std::vector<Message> taken;
  const std::lock_guard lock(queue_mutex_);
  while (taken.size() < quantity && !queue_.empty()) {
    queued_bytes_ -= queue_.front().size();
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return taken;
}

void MeshNode::wait_for_message(std::chrono::milliseconds patience) {
  // It is a handler's thread that queues them.
  if (core_.on_loop_thread() || core_.on_handler_thread()) return;
  std::unique_lock lock(queue_mutex_);
  arrived_->wait(lock, patience, [this] { return !queue_.empty() || ended_; });
}

/// No message comes any more.
void MeshNode::wake_readers() {
  {
    const std::lock_guard lock(queue_mutex_);
    ended_ = true;
  }
  arrived_->notify_all();
  if (on_end_) on_end_();
}

std::vector<Neighbour> MeshNode::neighbours() {
  const auto views = core_.call([](Engine& engine) { return engine.neighbours(); });
  std::vector<Neighbour> neighbours;
  neighbours.reserve(views.size());
  for (const NeighbourView& view : views) {
    neighbours.emplace_back(Neighbour::Content{.id = std::string(view.id.text()),
                                               .address = {view.address.host, view.address.port},
                                               .outgoing = view.dialed_by_us,
                                               .meshdict = view.meshdict,
                                               .connected_for = view.connected_for},
                            weak_from_this());
  }
  return neighbours;
}

void MeshNode::note_trouble(const std::string& what) {
  log(1, what);
  keep_error(what);
}

void MeshNode::keep_error(const std::string& what) {
  const std::lock_guard lock(status_mutex_);
  errors_.push_back(what.substr(0, api_limits::kMaxErrorText));
  if (errors_.size() > api_limits::kMaxErrors) errors_.pop_front();
}

/// A handler that finds the socket closed under it is nothing unexpected.
void MeshNode::note_exception(std::string_view where, const std::exception_ptr& error) {
  pass_on_kill(error);
  if (core_.is_closed() && is_closing(error)) return;
  note_trouble("exception in " + std::string(where) + ": " + text_of(error));
}

Status MeshNode::status() const {
  const HandlerLosses losses = core_.losses();
  Status status{.dropped_messages = losses.dropped_messages,
                .merged_changes = losses.merged_changes,
                .dropped_lines = losses.dropped_lines};
  {
    const std::lock_guard lock(queue_mutex_);
    status.dropped_messages += dropped_;
  }
  const std::lock_guard lock(status_mutex_);
  status.errors.assign(errors_.begin(), errors_.end());
  return status;
}

/// A sink may wait for whatever it likes, and so may a pipe that nobody reads.
void MeshNode::log(int level, std::string_view line) {
  if (!logs(level)) return;
  core_.say([this, level, text = std::string(line)] {
    try {
      if (log_) return log_(level, text);
      std::ostringstream whole;
      whole << core_.address().port << " " << text << "\n";
      std::cerr << whole.str();
    } catch (...) {
      keep_error("exception in a log sink: " + text_of(std::current_exception()));
    }
  });
}

}  // namespace meshdict::detail

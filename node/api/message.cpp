#include "meshdict/message.h"

#include <utility>

#include "core/base/base58.h"
#include "mesh_node.h"

namespace meshdict {
namespace {

std::shared_ptr<detail::MeshNode> open_node(const std::weak_ptr<detail::MeshNode>& node) {
  auto held = node.lock();
  if (!held) throw SocketClosed("the socket that this came from is gone");
  return held;
}

}  // namespace

Message::Message(Content content, std::weak_ptr<detail::MeshNode> node)
    : content_(std::make_shared<const Content>(std::move(content))), node_(std::move(node)) {}

std::chrono::sys_seconds Message::time() const {
  return std::chrono::sys_seconds(std::chrono::seconds(content_->time));
}

std::string Message::time_58() const {
  return base58_encode(static_cast<std::uint64_t>(content_->time));
}

std::string Message::describe() const {
  return std::string(flag() == Flag::kWhisper ? "whisper" : "broadcast") + " from " + sender() + ": " +
         Value(packets()).json();
}

void Message::reply_packets(const std::vector<Value>& packets) const {
  open_node(node_)->whisper(sender(), packets);
}

std::string to_string(const Address& address) {
  return to_string(Endpoint{.host = address.host, .port = address.port});
}

Neighbour::Neighbour(Content content, std::weak_ptr<detail::MeshNode> node)
    : content_(std::move(content)), node_(std::move(node)) {}

void Neighbour::send_packets(const std::vector<Value>& packets) const {
  open_node(node_)->whisper(id(), packets);
}

}  // namespace meshdict

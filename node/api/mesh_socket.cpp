#include "meshdict/mesh_socket.h"

#include <algorithm>
#include <utility>

#include "core/base/ids.h"
#include "core/messages/protocol_id.h"
#include "mesh_node.h"
#include "meshdict/machine.h"

namespace meshdict {
namespace {

std::shared_ptr<detail::MeshNode> make_node(std::string addr, std::uint16_t port, const MeshOptions& options,
                                            detail::Runtime& runtime = detail::real_runtime()) {
  auto settings = detail::common_settings(std::move(addr), port, options);
  settings.core.engine.has_dictionary = false;
  return std::make_shared<detail::MeshNode>(std::move(settings), runtime);
}

}  // namespace

std::string Protocol::id() const {
  return protocol_id(network, encryption);
}

std::string Status::text() const {
  std::string text = is_nominal() ? "Nominal" : "";
  for (const std::string& error : errors)
    text += (text.empty() ? "" : "\n") + error;
  return text;
}

MeshSocket::MeshSocket(std::string addr, std::uint16_t port, MeshOptions options)
    : MeshSocket(make_node(std::move(addr), port, options), Started()) {}

MeshSocket::MeshSocket(std::shared_ptr<detail::MeshNode> node, Started) : MeshSocket(std::move(node)) {
  start();
}

MeshSocket Machine::mesh_socket(const MeshOptions& options) {
  return MeshSocket(make_node("", 0, options, runtime()), MeshSocket::Started());
}

MeshSocket::MeshSocket(std::shared_ptr<detail::MeshNode> node) : node_(std::move(node)) {
  declare(OwnEvents());
  set_spawner(node_.get());
  node_->attach(*this);
}

MeshSocket::~MeshSocket() {
  finish();
}

void MeshSocket::start() {
  node_->core().run();
}

void MeshSocket::finish() {
  node_->core().finish();
}

void MeshSocket::close() {
  if (!node_->core().close()) throw SocketClosed("the socket was closed before");
}

bool MeshSocket::is_closed() const {
  return node_->core().is_closed();
}

bool MeshSocket::connect(TextView addr, std::uint16_t port, TextView id) {
  const Endpoint to{.host = std::string(addr), .port = port};
  if (to.host.empty() || port == 0)
    throw SettingsError("'" + to.host + "', port " + std::to_string(port) + ": not to be dialled");
  const std::string_view wanted = id;
  const auto expected = wanted.empty() ? NodeId() : NodeId::parse(wanted);
  if (!expected) throw SettingsError("'" + std::string(wanted) + "' is no node's id: " + expected.error());
  return node_->core().call([&](Engine& engine) {
    if (to == engine.address() || *expected == engine.id()) return false;
    const bool there = std::ranges::any_of(engine.neighbours(), [&](const NeighbourView& neighbour) {
      return neighbour.address == to || neighbour.id == *expected;
    });
    if (!there) engine.connect(to, *expected);
    return !there;
  });
}

bool MeshSocket::disconnect(TextView id) {
  const auto peer = NodeId::parse(id);
  return node_->core().call([&](Engine& engine) { return peer && engine.disconnect(*peer); });
}

void MeshSocket::request_peers() {
  node_->core().call([](Engine& engine) { engine.request_peers(); });
}

std::map<std::string, Neighbour> MeshSocket::routing_table() const {
  std::map<std::string, Neighbour> table;
  for (Neighbour& neighbour : node_->neighbours()) {
    std::string id = neighbour.id();
    table.emplace(std::move(id), std::move(neighbour));
  }
  return table;
}

std::vector<std::string> MeshSocket::outgoing() const {
  std::vector<std::string> ids;
  for (const Neighbour& neighbour : node_->neighbours()) {
    if (neighbour.outgoing()) ids.push_back(neighbour.id());
  }
  return ids;
}

std::vector<std::string> MeshSocket::incoming() const {
  std::vector<std::string> ids;
  for (const Neighbour& neighbour : node_->neighbours()) {
    if (!neighbour.outgoing()) ids.push_back(neighbour.id());
  }
  return ids;
}

void MeshSocket::send_packets(const std::vector<Value>& packets, SendOptions options) {
  node_->send(packets, options);
}

std::optional<Message> MeshSocket::recv() {
  std::vector<Message> taken = node_->take(1);
  return taken.empty() ? std::nullopt : std::optional(std::move(taken.front()));
}

std::vector<Message> MeshSocket::recv(std::size_t quantity) {
  return node_->take(quantity);
}

std::optional<Message> MeshSocket::recv(std::chrono::milliseconds patience) {
  node_->wait_for_message(patience);
  return recv();
}

void MeshSocket::register_handler(MessageHandler handler) {
  if (!handler) throw EventError("an empty handler");
  node_->add_handler(std::move(handler));
}

bool MeshSocket::handle_msg(const Message& message, const Neighbour& from) {
  if (!node_->show_to_handlers(message, from)) {
    node_->enqueue(message);
    node_->raise<event::Message>(*this);
  }
  return true;
}

std::string MeshSocket::id() const {
  return std::string(node_->core().id().text());
}

Address MeshSocket::out_addr() const {
  const Endpoint& address = node_->core().address();
  return {.host = address.host, .port = address.port};
}

const Protocol& MeshSocket::protocol() const {
  return node_->protocol();
}

Status MeshSocket::status() const {
  return node_->status();
}

int MeshSocket::debug_level() const {
  return node_->debug_level();
}

void MeshSocket::set_debug_level(int level) {
  node_->debug_level() = level;
}

}  // namespace meshdict

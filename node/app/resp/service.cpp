#include "app/resp/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "app/resp/limits.h"
#include "app/resp/session.h"
#include "core/base/overloaded.h"
#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"

namespace meshdict {
namespace {

constexpr std::string_view kMeshChannel = "mesh";

/// REQUIRES: is_about_proof(reason).
std::size_t place_of(EndReason reason) {
  return static_cast<std::size_t>(reason) - static_cast<std::size_t>(EndReason::kAnotherId);
}

}  // namespace

RespService::RespService(Engine& engine_used, std::span<const CommandSpec> commands_known, const Clock& clock_used,
                         const Random& random_used, NodeFacts facts_told)
    : engine(engine_used),
      commands(commands_known),
      clock(clock_used),
      facts(std::move(facts_told)),
      watch(clock_used),
      cursors(random_used.stream("scan cursors").next()),
      random(random_used.stream("random key")),
      started(clock_used.monotonic()),
      max_clients(resp_limits::kMaxClients),
      most_clients(resp_limits::kMaxClients) {
  logins.on_answer = [this](std::uint64_t client, Logins::Answer answer) {
    if (const auto found = sessions.find(client); found != sessions.end()) found->second->on_login(answer);
  };
}

void RespService::set_users(std::shared_ptr<const Users> users) {
  logins.set_users(std::move(users));
  for (const auto& [id, session] : sessions)
    session->take_users();
}

void RespService::on_event(const Event& event) {
  watch.on_event(event);
  if (const auto* confirmed = std::get_if<Confirmed>(&event)) {
    if (const auto found = waiting.find(confirmed->token); found != waiting.end()) found->second->on_confirmed();
    return;
  }
  if (const auto* refused = std::get_if<Refused>(&event); refused != nullptr && is_about_proof(refused->reason)) {
    ++proof_refusals[place_of(refused->reason)];
    return;
  }
  if (pubsub.empty()) return;
  std::visit(Overloaded{
                 [this](const Updated& e) { pubsub.publish("__keyevent@0__:set", e.key); },
                 [this](const Deleted& e) { pubsub.publish("__keyevent@0__:del", e.key); },
                 [this](const Conflict& e) { pubsub.publish("__keyevent@0__:conflict", e.key); },
                 [this](const MessageArrived& e) { on_message(e.packets); },
                 [](const PeerUp&) {},
                 [](const PeerDown&) {},
                 [](const Refused&) {},
                 [](const Undeliverable&) {},
                 [](const Confirmed&) {},
                 [](const Returned&) {},
                 [](const ClockJudged&) {},
                 [](const LeftOut&) {},
                 [this](const LeaseBroken& e) { pubsub.publish("__keyevent@0__:broken", e.key); },
                 [](const MemberParted&) {},
             },
             event);
}

void RespService::on_message(const std::vector<Raw>& packets) {
  if (const auto message = channel_message(packets)) {
    pubsub.publish(message->channel, message->payload);
  } else if (pubsub.is_heard(kMeshChannel)) {
    ++stats.shown;
    pubsub.publish(kMeshChannel, shown_message(packets));
  }
}

void RespService::note_refused(EndReason reason) {
  if (is_about_proof(reason)) ++security.refusals[place_of(reason)];
}

void RespService::make_room(std::size_t bytes) {
  while (output_bytes + bytes > resp_limits::kMaxOutputOfAll && !far_behind.empty()) {
    RespSession& last = *sessions.at(far_behind.rbegin()->second);
    // One that has ended its subscriptions, perhaps in the commands that it runs just now, is no subscriber any more.
    if (last.subscriptions() == 0) {
      far_behind.erase(std::prev(far_behind.end()));
    } else {
      last.cut_off_for_room();
    }
  }
}

void RespService::end_pause() {
  pause.reset();
  for (RespSession* const session : std::exchange(paused, {}))
    session->let_go_on();
}

void RespService::note_turn(Duration busy, Duration commit) {
  stats.longest_turn = std::max(stats.longest_turn, busy);
  stats.longest_commit = std::max(stats.longest_commit, commit);
  if (latency.wants(busy)) latency.add(Spike::kTurn, busy, clock.wall());
  if (latency.wants(commit)) latency.add(Spike::kCommit, commit, clock.wall());
  const MonoTime now = clock.monotonic();
  const Duration passed = now - rate_begun_;
  if (passed < 1s) return;
  // CONFIG RESETSTAT begins them anew.
  const std::uint64_t done = stats.commands >= rate_from_ ? stats.commands - rate_from_ : 0;
  rate_ = done * static_cast<std::uint64_t>(Duration(1s).count()) / static_cast<std::uint64_t>(passed.count());
  rate_from_ = stats.commands;
  rate_begun_ = now;
}

void RespService::look_for_room() {
  if (held.empty() || !engine.has_room_for_messages()) return;
  for (RespSession* const session : std::exchange(held, {}))
    session->let_go_on();
}

Lacks RespService::lacks() const {
  return bounds != nullptr ? bounds->lacks() : Lacks{.disk = !engine.dictionary().has_room()};
}

WaterMarks RespService::memory_marks() const {
  return bounds != nullptr ? bounds->memory().marks() : WaterMarks{};
}

WaterMarks RespService::disk_marks() const {
  return bounds != nullptr ? bounds->sizes().of_disk() : WaterMarks{};
}

std::uint64_t RespService::queued_bytes() const {
  std::uint64_t bytes = unfinished_bytes + output_bytes;
  for (const NeighbourView& peer : engine.neighbours())
    bytes += peer.queued;
  return bytes;
}

void RespService::touch(RespSession& session) {
  if (session.mark_touched()) touched.push_back(&session);
}

std::optional<ChannelMessage> channel_message(const std::vector<Raw>& packets) {
  if (packets.size() != 2 || !is_bytes(packets[0]) || !is_bytes(packets[1])) return std::nullopt;
  MsgpackCursor channel(packets[0]);
  MsgpackCursor payload(packets[1]);
  const auto name = channel.bin();
  const auto body = payload.bin();
  if (!name || !body || is_reserved_channel(*name) || name->size() > resp_limits::kMaxChannel) return std::nullopt;
  return ChannelMessage{*name, *body};
}

std::string shown_message(const std::vector<Raw>& packets) {
  const bool single = packets.size() == 1;
  if (single && MsgpackCursor(packets.front()).bin_or_str()) return client_text(packets.front());
  std::size_t size = 0;
  for (const Raw& packet : packets)
    size += packet.size();
  if (size > resp_limits::kMaxShownMessage) return fmt::format("a message of {} bytes, too large to be shown", size);
  if (single) return client_text(packets.front());
  std::string array;
  MsgpackWriter writer(array);
  writer.array(static_cast<std::uint32_t>(packets.size()));
  for (const Raw& packet : packets)
    writer.raw(packet);
  return client_text(array);
}

bool is_reserved_channel(std::string_view channel) {
  return channel.starts_with("__keyevent@") || channel.starts_with("__keyspace@");
}

}  // namespace meshdict

#include "sim/describe.h"

#include <fmt/format.h>

#include <string_view>
#include <variant>

#include "core/frame.h"
#include "core/message.h"
#include "core/value.h"

namespace meshdict::sim {
namespace {

constexpr std::size_t kFrameHeader = 4;

std::string_view type_of(std::string_view frame) {
  if (frame.size() < kFrameHeader) return "damaged";
  const auto body = open_body(frame.substr(kFrameHeader));
  if (!body) return "damaged";
  const auto envelope = decode_envelope(body->plain.message);
  if (!envelope) return "malformed";
  const auto message = decode_message(*envelope);
  return message ? message_name(*message) : "malformed";
}

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

void add_version(TraceHash& hash, const Version& version) {
  hash.add(version.epoch);
  hash.add(version.claim_start.bits);
  hash.add(version.owner.text());
  hash.add(version.boot);
  hash.add(version.sequence);
  hash.add(version.value_hash.prefix());
  hash.add(version.written.bits);
  hash.add(static_cast<std::uint64_t>(version.kind));
}

}  // namespace

std::string describe(const Parcel& frame) {
  return fmt::format("{} {} B {:08x}", type_of(*frame.bytes), frame.plain_size, frame.id_prefix >> 32);
}

std::string describe(const Event& event, const NameOf& name_of) {
  return std::visit(
      Overloaded{
          [&](const PeerUp& up) {
            return fmt::format("peer up {} at {}{}", name_of(up.peer), to_string(up.address),
                               up.dialed_by_us ? ", dialed" : "");
          },
          [&](const PeerDown& down) {
            return fmt::format("peer down {}: {}; {}", name_of(down.peer), to_string(down.reason), down.detail);
          },
          [&](const MessageArrived& message) {
            return fmt::format("{} of {} {:016x}", message.whisper ? "whisper" : "broadcast", name_of(message.sender),
                               message.id.prefix());
          },
          [](const Refused& refused) {
            return fmt::format("refused c{} {}: {}; {}", Network::number(refused.conn), to_string(refused.remote),
                               to_string(refused.reason), refused.detail);
          },
          [&](const Undeliverable& whisper) { return fmt::format("undeliverable to {}", name_of(whisper.receiver)); },
          [&](const Confirmed& confirmed) { return fmt::format("confirmed by {}", name_of(confirmed.peer)); },
          [](const Updated& updated) {
            return fmt::format("updated {}{}", updated.key, updated.local ? ", ours" : "");
          },
          [](const Deleted& deleted) {
            return fmt::format("deleted {}{}", deleted.key, deleted.local ? ", ours" : "");
          },
          [&](const Conflict& conflict) {
            return fmt::format("conflict {}: {} lost to {} by {}", conflict.key, client_text(conflict.losing_value),
                               name_of(conflict.winning.owner), conflict.reason);
          },
      },
      event);
}

void add_to(TraceHash& hash, const Event& event) {
  hash.add(event.index());
  std::visit(Overloaded{
                 [&](const PeerUp& up) {
                   hash.add(up.peer.text());
                   hash.add(up.address.host);
                   hash.add(std::uint64_t{up.address.port});
                   hash.add(std::uint64_t{up.dialed_by_us});
                 },
                 [&](const PeerDown& down) {
                   hash.add(down.peer.text());
                   hash.add(static_cast<std::uint64_t>(down.reason));
                 },
                 [&](const MessageArrived& message) {
                   hash.add(message.id.prefix());
                   hash.add(static_cast<std::uint64_t>(message.time));
                   hash.add(std::uint64_t{message.whisper});
                 },
                 [&](const Refused& refused) {
                   hash.add(static_cast<std::uint64_t>(refused.conn));
                   hash.add(refused.remote.host);
                   hash.add(static_cast<std::uint64_t>(refused.reason));
                 },
                 [&](const Undeliverable& whisper) {
                   hash.add(whisper.receiver.text());
                   hash.add(whisper.id.prefix());
                 },
                 [&](const Confirmed& confirmed) { hash.add(confirmed.peer.text()); },
                 [&](const Updated& updated) {
                   hash.add(updated.key);
                   hash.add(std::uint64_t{updated.local});
                 },
                 [&](const Deleted& deleted) {
                   hash.add(deleted.key);
                   hash.add(std::uint64_t{deleted.local});
                 },
                 [&](const Conflict& conflict) {
                   hash.add(conflict.key);
                   hash.add(conflict.losing_value);
                   add_version(hash, conflict.losing);
                   add_version(hash, conflict.winning);
                 },
             },
             event);
}

}  // namespace meshdict::sim

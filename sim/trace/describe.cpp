#include "sim/trace/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/overloaded.h"
#include "core/encoding/value.h"
#include "sim/machines/opened_frame.h"
#include "sim/plan/limits.h"

namespace meshdict::sim {
namespace {

std::vector<std::string> keys_in(const Message& message) {
  std::vector<std::string> keys;
  std::visit(Overloaded{
                 [&](const StoreSet& store) { keys.emplace_back(store.key); },
                 [&](const StoredEntry& entry) { keys.emplace_back(entry.key); },
                 [&](const Records& records) {
                   for (const RecordEntry& entry : records.entries)
                     keys.emplace_back(entry.key);
                 },
                 [](const auto& /*others*/) {},
             },
             message);
  return keys;
}

void add_version(TraceHash& hash, const Version& version) {
  hash.add(std::to_underlying(version.epoch));
  hash.add(version.claim_start.bits);
  hash.add(version.owner.text());
  hash.add(std::to_underlying(version.boot));
  hash.add(std::to_underlying(version.sequence));
  hash.add(version.value_hash.prefix());
  hash.add(version.written.bits);
  hash.add(static_cast<std::uint64_t>(version.kind));
}

}  // namespace

std::string describe(const Parcel& frame) {
  const auto name = with_message(*frame.bytes, [](const Message& message) { return message_name(message); });
  return fmt::format("#{} {} {} B {:08x}", frame.number, name ? *name : name.error(), frame.plain_size,
                     frame.id_prefix >> 32);
}

std::vector<std::string> keys_of(const Parcel& frame) {
  return with_message(*frame.bytes, keys_in).value_or(std::vector<std::string>());
}

std::string keys_text(const std::vector<std::string>& keys) {
  std::string text;
  for (std::size_t i = 0; i < std::min(keys.size(), sim_limits::kMaxKeysInLine); ++i)
    text += " " + word_text(keys[i]);
  if (keys.size() > sim_limits::kMaxKeysInLine)
    text += fmt::format(" and {} more", keys.size() - sim_limits::kMaxKeysInLine);
  return text;
}

std::string value_text(RawView value) {
  const std::string text = client_text(value);
  return text.size() <= sim_limits::kMaxValueInLine ? word_text(text)
                                                    : word_text(text.substr(0, sim_limits::kMaxValueInLine)) + "...";
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
            return fmt::format("updated {}{}", word_text(updated.key), updated.local ? " by us" : "");
          },
          [](const Deleted& deleted) {
            return fmt::format("deleted {}{}", word_text(deleted.key), deleted.local ? " by us" : "");
          },
          [&](const Conflict& conflict) {
            return fmt::format("conflict {} = {} lost to {} by {}", word_text(conflict.key),
                               value_text(conflict.losing_value), name_of(conflict.winning.owner), conflict.reason);
          },
          [&](const Returned& returned) {
            return fmt::format("returned {} from {}", word_text(returned.key), name_of(returned.from));
          },
          [&](const LeftOut& left_out) {
            return fmt::format("left out {} messages for {}", left_out.messages, name_of(left_out.peer));
          },
          [&](const LeaseBroken& broken) {
            return fmt::format("broken {} of {} by {}", word_text(broken.key), name_of(broken.from),
                               name_of(broken.by));
          },
          [&](const MemberParted& parted) {
            return fmt::format("parted {} {} for {} s, told by {}", name_of(parted.member),
                               parted.kind == PartingKind::kRemoved ? "removed" : "left", seconds_text(parted.lasts),
                               name_of(parted.told_by));
          },
          [&](const ClockJudged& judged) {
            return fmt::format("clock of {} {}, {} us ahead, error {} us",
                               judged.peer.empty() ? "ours" : name_of(judged.peer), to_string(judged.clock.standing),
                               judged.clock.offset.ahead.count(), judged.clock.offset.error.count());
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
                 [&](const Returned& returned) {
                   hash.add(returned.key);
                   hash.add(returned.from.text());
                 },
                 [&](const LeftOut& left_out) {
                   hash.add(left_out.peer.text());
                   hash.add(left_out.messages);
                 },
                 [&](const LeaseBroken& broken) {
                   hash.add(broken.key);
                   hash.add(broken.from.text());
                   hash.add(broken.by.text());
                 },
                 [&](const MemberParted& parted) {
                   hash.add(parted.member.text());
                   hash.add(static_cast<std::uint64_t>(parted.kind));
                   hash.add(parted.told_by.text());
                 },
                 [&](const ClockJudged& judged) {
                   hash.add(judged.peer.text());
                   hash.add(static_cast<std::uint64_t>(judged.clock.standing));
                   hash.add(static_cast<std::uint64_t>(judged.clock.offset.ahead.count()));
                 },
             },
             event);
}

}  // namespace meshdict::sim

#include "core/memory/identity.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "core/encoding/msgpack.h"
#include "core/limits.h"

namespace meshdict {

std::expected<Identity, StoreError> load_identity(Store& store, const Clock& clock, RandomStream random,
                                                  const NodeId& proven) {
  std::string stored_id;
  std::string stored_boot;
  const auto loaded = store.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaNodeId) stored_id = value;
    if (key == kMetaBoot) stored_boot = value;
  });
  if (!loaded) return std::unexpected(loaded.error());

  Identity identity;
  if (stored_id.empty()) {
    identity.id = proven.empty() ? NodeId::generate(random) : proven;
    store.put(Table::kMeta, kMetaNodeId, identity.id.text());
  } else if (auto parsed = NodeId::parse(stored_id)) {
    identity.id = *parsed;
  } else {
    return std::unexpected(StoreError::damaged("the stored node id is damaged: " + parsed.error()));
  }
  if (!proven.empty() && identity.id != proven) {
    identity.former_id = std::exchange(identity.id, proven);
    store.put(Table::kMeta, kMetaNodeId, proven.text());
  }

  for (MsgpackCursor boots(stored_boot); !boots.at_end();) {
    const auto number = boots.unsigned_integer();
    if (!number) {
      return std::unexpected(StoreError::damaged("the stored boot counter is damaged: " + number.error().what));
    }
    identity.earlier_boots.push_back(Boot{*number});
  }
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds(clock.wall())));
  const std::uint64_t last = identity.earlier_boots.empty() ? 0 : std::to_underlying(identity.earlier_boots.front());
  identity.boot = Boot{(std::max((last >> 32) + 1, wall) << 32) | (random.next() & 0xFFFFFFFFU)};
  std::string encoded;
  MsgpackWriter(encoded).integer(std::to_underlying(identity.boot));
  for (const Boot earlier : identity.earlier_boots | std::views::take(limits::kRememberedLives))
    MsgpackWriter(encoded).integer(std::to_underlying(earlier));
  store.put(Table::kMeta, kMetaBoot, encoded);
  return identity;
}

}  // namespace meshdict

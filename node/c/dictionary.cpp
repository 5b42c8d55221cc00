// The dictionary: writing, reading, leases.

#include <algorithm>
#include <cstring>

#include "handles.h"

struct meshdict_snapshot {
  meshdict::Snapshot taken;
};

namespace {

using namespace meshdict::c;
using meshdict::Value;
using meshdict::WriteResult;

std::string_view key_given(const void* key, std::size_t size) {
  return text_given(key, size, "key");
}

meshdict_code outcome_of(std::string_view key, const WriteResult& result) {
  const std::string quoted = "'" + std::string(key) + "'";
  switch (result.outcome) {
    case WriteResult::Outcome::kDone:
      break;
    case WriteResult::Outcome::kLeased:
      return fail_leased(
          result.owner, result.left,
          result.owner + " holds the key " + quoted + " for " + std::to_string(result.left.count()) + " ms");
    case WriteResult::Outcome::kThere:
      return fail(MESHDICT_THERE, "the key " + quoted + " is there");
    case WriteResult::Outcome::kOtherFence:
      return fail(MESHDICT_OTHER_FENCE, "the key " + quoted + " is not held under this fence any more");
  }
  return MESHDICT_OK;
}

meshdict_code set(meshdict_socket* socket, const void* key, std::size_t key_size, const Value& value) {
  const std::string_view named = key_given(key, key_size);
  return outcome_of(named, dictionary_of(socket).try_set(named, value));
}

const meshdict::Snapshot::Record* record_at(const meshdict_snapshot* snapshot, std::size_t index) {
  if (snapshot == nullptr || index >= snapshot->taken.size()) return nullptr;
  return &snapshot->taken.records()[index];
}

meshdict_fence fence_of(const meshdict::Fence& fence) {
  meshdict_fence out{};
  if (fence.bytes.size() > sizeof out.bytes) throw std::length_error("a fence that is longer than MESHDICT_FENCE_ROOM");
  out.size = fence.bytes.size();
  std::memcpy(out.bytes, fence.bytes.data(), out.size);
  return out;
}

std::string_view bytes_of(const meshdict_fence& fence) {
  return {reinterpret_cast<const char*>(fence.bytes), std::min(fence.size, sizeof fence.bytes)};
}

}  // namespace

meshdict_code meshdict_set(meshdict_socket* socket, const void* key, size_t key_size, const meshdict_value* value) {
  return guarded([&] { return set(socket, key, key_size, value_given(value)); });
}

meshdict_code meshdict_set_text(meshdict_socket* socket, const void* key, size_t key_size, const char* text,
                                size_t text_size) {
  return guarded([&] { return set(socket, key, key_size, std::string(text_given(text, text_size, "text"))); });
}

meshdict_code meshdict_set_bytes(meshdict_socket* socket, const void* key, size_t key_size, const void* bytes,
                                 size_t size) {
  return guarded(
      [&] { return set(socket, key, key_size, meshdict::Bytes{std::string(text_given(bytes, size, "bytes"))}); });
}

meshdict_code meshdict_set_int(meshdict_socket* socket, const void* key, size_t key_size, int64_t value) {
  return guarded([&] { return set(socket, key, key_size, Value::integer(value)); });
}

meshdict_code meshdict_set_if_absent(meshdict_socket* socket, const void* key, size_t key_size,
                                     const meshdict_value* value) {
  return guarded([&] {
    const std::string_view named = key_given(key, key_size);
    return outcome_of(named, dictionary_of(socket).set_if_absent(named, value_given(value)));
  });
}

meshdict_code meshdict_set_if(meshdict_socket* socket, const void* key, size_t key_size, const meshdict_fence* fence,
                              const meshdict_value* value) {
  return guarded([&] {
    const std::string_view named = key_given(key, key_size);
    const meshdict::Fence claim{std::string(bytes_of(given(fence, "fence")))};
    return outcome_of(named, dictionary_of(socket).set_if(named, claim, value_given(value)));
  });
}

meshdict_code meshdict_update(meshdict_socket* socket, const meshdict_item* items, size_t count) {
  return guarded([&] {
    if (count != 0) given(items, "items");
    Value::Map map;
    for (std::size_t i = 0; i < count; ++i)
      map.insert_or_assign(std::string(key_given(items[i].key, items[i].key_size)), value_given(items[i].value));
    dictionary_of(socket).update(map);
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_delete(meshdict_socket* socket, const void* key, size_t key_size, meshdict_value** value) {
  return guarded([&] {
    Value held = dictionary_of(socket).pop(key_given(key, key_size));
    if (value != nullptr) *value = handed_over(std::move(held));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_get(const meshdict_socket* socket, const void* key, size_t key_size, meshdict_value** value) {
  return guarded([&] {
    given(value, "value");
    *value = handed_over(dictionary_of(socket).at(key_given(key, key_size)));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_get_text(const meshdict_socket* socket, const void* key, size_t key_size, char** text,
                                size_t* size) {
  return guarded([&] {
    const auto held = dictionary_of(socket).at(key_given(key, key_size)).as<std::string>();
    given(text, "text") = copy_of(held);
    if (size != nullptr) *size = held.size();
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_contains(const meshdict_socket* socket, const void* key, size_t key_size, int* contained) {
  return guarded([&] {
    given(contained, "contained") = dictionary_of(socket).contains(key_given(key, key_size)) ? 1 : 0;
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_count(const meshdict_socket* socket, size_t* count) {
  return guarded([&] {
    given(count, "count") = dictionary_of(socket).size();
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_meta(const meshdict_socket* socket, const void* key, size_t key_size, char** owner,
                            int64_t* timestamp_ms) {
  return guarded([&] {
    const meshdict::Meta meta = dictionary_of(socket).meta(key_given(key, key_size));
    if (owner != nullptr) *owner = copy_of(meta.owner);
    if (timestamp_ms != nullptr) *timestamp_ms = milliseconds_of(meta.timestamp);
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_keys(const meshdict_socket* socket, const void* prefix, size_t prefix_size,
                            meshdict_snapshot** snapshot) {
  return guarded([&] {
    given(snapshot, "snapshot");
    *snapshot = new meshdict_snapshot{dictionary_of(socket).snapshot(text_given(prefix, prefix_size, "prefix"))};
    return MESHDICT_OK;
  });
}

size_t meshdict_snapshot_size(const meshdict_snapshot* snapshot) {
  return snapshot == nullptr ? 0 : snapshot->taken.size();
}

const char* meshdict_snapshot_key(const meshdict_snapshot* snapshot, size_t index, size_t* size) {
  const auto* const record = record_at(snapshot, index);
  if (size != nullptr) *size = record == nullptr ? 0 : record->key.size();
  return record == nullptr ? nullptr : record->key.c_str();
}

meshdict_code meshdict_snapshot_value(const meshdict_snapshot* snapshot, size_t index, meshdict_value** value) {
  return guarded([&] {
    given(value, "value");
    *value = handed_over(Value::unpacked(given(record_at(snapshot, index), "a record of that index").packed));
    return MESHDICT_OK;
  });
}

void meshdict_snapshot_free(meshdict_snapshot* snapshot) {
  delete snapshot;
}

meshdict_code meshdict_lease_of(const meshdict_socket* socket, const void* key, size_t key_size,
                                meshdict_lease* lease) {
  return guarded([&] {
    const std::string_view named = key_given(key, key_size);
    given(lease, "lease");
    const auto info = dictionary_of(socket).lease(named);
    if (!info) throw meshdict::KeyError(std::string(named));
    meshdict_lease out{};
    if (info->owner.size() >= sizeof out.owner) throw std::length_error("an id that is longer than MESHDICT_ID_ROOM");
    std::memcpy(out.owner, info->owner.data(), info->owner.size());
    out.held = info->held ? 1 : 0;
    out.ours = info->ours ? 1 : 0;
    out.state = static_cast<meshdict_lease_state>(info->state);
    out.left_ms = info->left.count();
    out.epoch = info->epoch;
    out.fence = fence_of(info->fence);
    *lease = out;
    return MESHDICT_OK;
  });
}

int meshdict_fence_compare(const meshdict_fence* left, const meshdict_fence* right) {
  const std::string_view first = left == nullptr ? std::string_view() : bytes_of(*left);
  return first.compare(right == nullptr ? std::string_view() : bytes_of(*right));
}

meshdict_code meshdict_renew(meshdict_socket* socket, const void* key, size_t key_size) {
  return guarded([&] {
    const std::string_view named = key_given(key, key_size);
    if (dictionary_of(socket).renew(named)) return MESHDICT_OK;
    return fail(MESHDICT_NOT_HELD, "this node does not hold the key '" + std::string(named) + "' any more");
  });
}

meshdict_code meshdict_explain(const meshdict_socket* socket, const void* key, size_t key_size, char** text) {
  return guarded([&] {
    given(text, "text") = copy_of(dictionary_of(socket).explain(key_given(key, key_size)));
    return MESHDICT_OK;
  });
}

meshdict_code meshdict_wait(meshdict_socket* socket, size_t replicas, int64_t timeout_ms, size_t* confirmed) {
  return guarded([&] {
    const std::size_t have = dictionary_of(socket).wait(replicas, patience_of(timeout_ms));
    if (confirmed != nullptr) *confirmed = have;
    return MESHDICT_OK;
  });
}

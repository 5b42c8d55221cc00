#pragma once
// What a dictionary held at one moment.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshdict/text_view.h"
#include "meshdict/value.h"

namespace meshdict {

/// The writer of a value, and the time of the write by the writer's clock.
struct Meta {
  std::string owner;
  std::chrono::sys_time<std::chrono::milliseconds> timestamp;
  bool operator==(const Meta&) const = default;
};

/// All keys of a moment, in order, with their values. Never changes, whatever becomes of the socket; cheap to copy, safe
/// from any thread. Values are decoded when they are asked for.
class Snapshot {
 public:
  struct Record {
    std::string key;
    /// The value as MessagePack.
    std::string packed;
    Meta meta;
  };
  /// A key and its value.
  using Item = std::pair<std::string, Value>;

  Snapshot() : Snapshot(std::vector<Record>()) {}
  /// REQUIRES: in the order of keys.
  explicit Snapshot(std::vector<Record> records)
      : records_(std::make_shared<const std::vector<Record>>(std::move(records))) {}

  [[nodiscard]] std::size_t size() const { return records_->size(); }
  [[nodiscard]] bool empty() const { return records_->empty(); }
  [[nodiscard]] bool contains(TextView key) const { return find(key) != nullptr; }
  /// `fallback` when there is no such key.
  [[nodiscard]] Value get(TextView key, Value fallback = {}) const;
  /// Both throw KeyError when there is no such key.
  [[nodiscard]] Value at(TextView key) const;
  [[nodiscard]] Meta meta(TextView key) const;
  [[nodiscard]] const std::vector<Record>& records() const& { return *records_; }
  // Of a temporary snapshot the records would be gone with it.
  void records() && = delete;

  /// Holds the snapshot that it walks over.
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    Iterator() = default;
    explicit Iterator(std::shared_ptr<const std::vector<Record>> records) : records_(std::move(records)) {}

    Item operator*() const;
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator&) const = default;
    bool operator==(std::default_sentinel_t /*end*/) const { return at_ == records_->size(); }

   private:
    std::shared_ptr<const std::vector<Record>> records_;
    std::size_t at_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(records_); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  [[nodiscard]] const Record* find(TextView key) const;

  std::shared_ptr<const std::vector<Record>> records_;
};

/// Grows with every new holder of a key: a resource that remembers the largest fence it has seen, and refuses smaller ones,
/// never obeys a holder that has been superseded (Kleppmann, "How to do distributed locking", 2016). Fences of one key
/// compare as claims do; a holder's own writes do not change it. To another program it goes as `bytes`.
struct Fence {
  std::string bytes;

  [[nodiscard]] std::string hex() const;
  auto operator<=>(const Fence&) const = default;
};

/// How a key is held.
struct LeaseInfo {
  /// How far the owner may rely on it; foreign and lost are seen by others.
  enum class State : std::uint8_t {
    kForeign,      ///< another node's
    kTentative,    ///< ours, and so young that a rival's claim may be on its way
    kSettled,      ///< ours, and we were in contact with the mesh for long enough that a rival would have shown itself
    kUnconfirmed,  ///< ours, but without that contact
    kLost,         ///< another node's, and a claim of ours has lost to it
    kReleased,     ///< its owner, we or another, has given it up: the key is free
  };

  std::string owner;
  /// Live, as seen from here.
  bool held = false;
  bool ours = false;
  State state = State::kForeign;
  /// Ours: how long we may still rely on it. Another's: how long we must wait. 0 when it has lapsed.
  std::chrono::milliseconds left{};
  std::uint64_t epoch = 0;
  Fence fence;
};
/// "foreign", "tentative", ...
std::string_view to_string(LeaseInfo::State state);

}  // namespace meshdict

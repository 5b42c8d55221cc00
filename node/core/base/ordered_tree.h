#pragma once
// A B+ tree whose inner nodes hold, for each child, the sum of everything below it.
//
// 1. Slots are ordered by their keys, which are unique; all lie in leaves.
// 2. For any bound: the sum over all slots below it, in O(log n).
// 3. No node but the root falls below an eighth of its capacity; see the rationales at make_room() and fill_up() for what
//    they come to in the long run.
//
// A. Meyer ("Range-Based Set Reconciliation", 2023, https://arxiv.org/abs/2212.13567) calls this a monoid tree. Rationale for
// leaves of many slots: with two pointers for each slot, a tree would often cost more than the slot itself.
//
// Traits say what is kept:
//   Slot    movable; made without an argument it is an empty place
//   Key     what slots are ordered by: a view, or a reference, that is good as long as the slot exists
//   Bound   a key that stands by itself; Key and Bound convert into each other
//   Total   with count, +=, -= and ==; made without an argument it is the sum of nothing
//   key_of(slot), total_of(slot), kLeafCapacity, kInnerCapacity
//
// Changes go down the tree once: a full child makes room, and a thin one is filled up, before it is entered. So no change
// has to come back up. Not thread-safe.

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace meshdict {

template <typename Traits>
class OrderedTree {
 public:
  using Slot = typename Traits::Slot;
  using Key = typename Traits::Key;
  using Bound = typename Traits::Bound;
  using Total = typename Traits::Total;

  OrderedTree() : root_(std::make_unique<Leaf>()) {}

  /// REQUIRES: no slot has this key.
  void insert(Slot slot);
  /// The slot that had this key. REQUIRES: there is one.
  Slot erase(Key key);
  /// Puts a slot in place of the one of the same key, and returns that; an empty one when there is none, and the slot is
  /// inserted.
  Slot put(Slot slot);

  /// Null when there is none. Good until the tree changes.
  [[nodiscard]] const Slot* find(Key key) const;
  [[nodiscard]] Total total() const { return total(*root_, height_); }
  [[nodiscard]] std::size_t size() const { return total().count; }
  /// Of all slots with smaller keys.
  [[nodiscard]] Total below(Key key) const;
  /// The slot before which `measure`, which grows with the sum, stays at or below `rank`. REQUIRES: rank < the measure of
  /// the whole.
  template <typename Measure>
  [[nodiscard]] const Slot& at(std::size_t rank, const Measure& measure) const;

  /// Some slots from `lower` on, in order and without a gap; then go on from `next`. `slots` may be empty although there is a
  /// next. Good until the tree changes.
  struct Run {
    std::span<const Slot> slots;
    /// Null: there is no more.
    const Bound* next = nullptr;
  };
  [[nodiscard]] Run run(Key lower) const;

  /// Bytes allocated for nodes.
  [[nodiscard]] std::size_t memory() const { return memory(*root_, height_); }
  /// Checks the invariants; aborts when one is broken. For tests.
  void sanity_check() const { check(*root_, height_, nullptr, nullptr, Place::kRoot); }

 private:
  struct Node {
    Node() = default;
    virtual ~Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    std::size_t size = 0;
  };
  struct Leaf final : Node {
    std::array<Slot, Traits::kLeafCapacity> slots;
  };
  struct Branch {
    // No key of the child is below it, and all keys of the branch before are.
    Bound low;
    Total total;
    std::unique_ptr<Node> child;
  };
  struct Inner final : Node {
    std::array<Branch, Traits::kInnerCapacity> slots;
  };

  static Leaf& leaf(Node& node) { return static_cast<Leaf&>(node); }
  static Inner& inner(Node& node) { return static_cast<Inner&>(node); }
  static const Leaf& leaf(const Node& node) { return static_cast<const Leaf&>(node); }
  static const Inner& inner(const Node& node) { return static_cast<const Inner&>(node); }

  static Key low_of(const Slot& slot) { return Traits::key_of(slot); }
  static const Bound& low_of(const Branch& branch) { return branch.low; }
  static Total sum_of(const Slot& slot) { return Traits::total_of(slot); }
  static const Total& sum_of(const Branch& branch) { return branch.total; }

  static std::size_t capacity(std::size_t level) { return level == 0 ? Traits::kLeafCapacity : Traits::kInnerCapacity; }

  template <typename N>
  static Total sum(const N& node, std::size_t first, std::size_t last);
  static Total total(const Node& node, std::size_t level);
  static std::size_t child_of(const Inner& node, Key key);
  static std::size_t position_in(const Leaf& node, Key key);

  template <typename N, typename S>
  static void insert_slot(N& node, std::size_t at, S slot);
  template <typename N>
  static void erase_slots(N& node, std::size_t first, std::size_t count);
  template <typename N>
  static void shift(Branch& left_branch, Branch& right_branch, std::size_t wanted);
  static void shift(Inner& parent, std::size_t left, std::size_t wanted, std::size_t child_level);
  static void split(Inner& parent, std::size_t i, std::size_t keep, std::size_t child_level);
  static void make_room(Inner& parent, std::size_t i, std::size_t child_level);
  static void fill_up(Inner& parent, std::size_t i, std::size_t child_level);

  static std::size_t memory(const Node& node, std::size_t level);
  enum class Place : bool { kRoot, kBelow };
  static void check(const Node& node, std::size_t level, const Bound* low, const Bound* high, Place place);

  std::unique_ptr<Node> root_;
  // 0: the root is a leaf.
  std::size_t height_ = 0;
};

template <typename Traits>
template <typename N>
auto OrderedTree<Traits>::sum(const N& node, std::size_t first, std::size_t last) -> Total {
  Total total;
  for (std::size_t i = first; i < last; ++i)
    total += sum_of(node.slots[i]);
  return total;
}

template <typename Traits>
auto OrderedTree<Traits>::total(const Node& node, std::size_t level) -> Total {
  return level == 0 ? sum(leaf(node), 0, node.size) : sum(inner(node), 0, node.size);
}

/// The child that holds `key`, or would.
template <typename Traits>
std::size_t OrderedTree<Traits>::child_of(const Inner& node, Key key) {
  const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
  const auto after = std::upper_bound(std::next(node.slots.begin()), end, key,
                                      [](Key k, const Branch& branch) { return k < Key(branch.low); });
  return static_cast<std::size_t>(after - node.slots.begin()) - 1;
}

template <typename Traits>
std::size_t OrderedTree<Traits>::position_in(const Leaf& node, Key key) {
  const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
  const auto at =
      std::lower_bound(node.slots.begin(), end, key, [](const Slot& slot, Key k) { return Traits::key_of(slot) < k; });
  return static_cast<std::size_t>(at - node.slots.begin());
}

template <typename Traits>
template <typename N, typename S>
void OrderedTree<Traits>::insert_slot(N& node, std::size_t at, S slot) {
  const auto begin = node.slots.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
  std::move_backward(begin, end, std::next(end));
  *begin = std::move(slot);
  ++node.size;
}

template <typename Traits>
template <typename N>
void OrderedTree<Traits>::erase_slots(N& node, std::size_t first, std::size_t count) {
  const auto to = node.slots.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
  std::move(to + static_cast<std::ptrdiff_t>(count), end, to);
  node.size -= count;
}

/// Moves slots over the border of two neighbouring branches until the left one has `wanted`.
template <typename Traits>
template <typename N>
void OrderedTree<Traits>::shift(Branch& left_branch, Branch& right_branch, std::size_t wanted) {
  N& left = static_cast<N&>(*left_branch.child);
  N& right = static_cast<N&>(*right_branch.child);
  const auto left_end = left.slots.begin() + static_cast<std::ptrdiff_t>(left.size);
  const auto right_end = right.slots.begin() + static_cast<std::ptrdiff_t>(right.size);
  if (wanted < left.size) {
    const std::size_t count = left.size - wanted;
    const Total moved = sum(left, wanted, left.size);
    std::move_backward(right.slots.begin(), right_end, right_end + static_cast<std::ptrdiff_t>(count));
    std::move(left.slots.begin() + static_cast<std::ptrdiff_t>(wanted), left_end, right.slots.begin());
    left.size -= count;
    right.size += count;
    left_branch.total -= moved;
    right_branch.total += moved;
  } else if (wanted > left.size) {
    const std::size_t count = wanted - left.size;
    const Total moved = sum(right, 0, count);
    std::move(right.slots.begin(), right.slots.begin() + static_cast<std::ptrdiff_t>(count), left_end);
    left.size += count;
    erase_slots(right, 0, count);
    left_branch.total += moved;
    right_branch.total -= moved;
  }
  if (right.size > 0) right_branch.low = low_of(right.slots[0]);
}

template <typename Traits>
void OrderedTree<Traits>::shift(Inner& parent, std::size_t left, std::size_t wanted, std::size_t child_level) {
  if (child_level == 0) {
    shift<Leaf>(parent.slots[left], parent.slots[left + 1], wanted);
  } else {
    shift<Inner>(parent.slots[left], parent.slots[left + 1], wanted);
  }
}

/// Divides child `i`, which keeps `keep` slots.
template <typename Traits>
void OrderedTree<Traits>::split(Inner& parent, std::size_t i, std::size_t keep, std::size_t child_level) {
  Branch right;
  if (child_level == 0) {
    right.child = std::make_unique<Leaf>();
  } else {
    right.child = std::make_unique<Inner>();
  }
  insert_slot(parent, i + 1, std::move(right));
  shift(parent, i, keep, child_level);
}

/// Makes room in child `i`, which is full. A neighbour with a quarter free takes a share; otherwise the child is halved.
/// Rationale: keys that are write times mostly grow. If a child were always halved, the halves left behind would stay half
/// empty; this way they end seven eighths full.
template <typename Traits>
void OrderedTree<Traits>::make_room(Inner& parent, std::size_t i, std::size_t child_level) {
  const std::size_t full = capacity(child_level);
  const auto size_of = [&](std::size_t at) { return parent.slots[at].child->size; };
  if (i > 0 && size_of(i - 1) <= full * 3 / 4) {
    shift(parent, i - 1, (size_of(i - 1) + full + 1) / 2, child_level);
  } else if (i + 1 < parent.size && size_of(i + 1) <= full * 3 / 4) {
    shift(parent, i, (full + size_of(i + 1)) / 2, child_level);
  } else {
    split(parent, i, full / 2, child_level);
  }
}

/// Joins child `i`, which is thin, with a neighbour, or makes two children of it and two neighbours; or fills it up from a
/// neighbour when it is at most half full. Rationale: records that are overwritten leave holes everywhere, and come back only
/// at the end. Without making two of three, nodes would be 58 % full in the long run (measured).
template <typename Traits>
void OrderedTree<Traits>::fill_up(Inner& parent, std::size_t i, std::size_t child_level) {
  const std::size_t dense = capacity(child_level) * 15 / 16;
  const auto size_of = [&](std::size_t at) { return parent.slots[at].child->size; };
  const std::size_t left = i > 0 ? i - 1 : i;
  const std::size_t two = size_of(left) + size_of(left + 1);
  if (two <= dense) {
    shift(parent, left, two, child_level);
    erase_slots(parent, left + 1, 1);
    return;
  }
  if (left + 2 < parent.size && two + size_of(left + 2) <= 2 * dense) {
    const std::size_t three = two + size_of(left + 2);
    // The first two have enough slots for that: together they hold more than `dense`.
    shift(parent, left, three / 2, child_level);
    shift(parent, left + 1, three - three / 2, child_level);
    erase_slots(parent, left + 2, 1);
  } else if (size_of(i) <= capacity(child_level) / 2) {
    shift(parent, left, two / 2, child_level);
  }
}

template <typename Traits>
void OrderedTree<Traits>::insert(Slot slot) {
  const Total more = sum_of(slot);
  if (root_->size == capacity(height_)) {
    auto above = std::make_unique<Inner>();
    above->slots[0].total = total(*root_, height_);
    above->slots[0].child = std::move(root_);
    above->size = 1;
    make_room(*above, 0, height_);
    root_ = std::move(above);
    ++height_;
  }
  Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    Inner& way = inner(*node);
    std::size_t i = child_of(way, low_of(slot));
    if (way.slots[i].child->size == capacity(level - 1)) {
      make_room(way, i, level - 1);
      i = child_of(way, low_of(slot));
    }
    way.slots[i].total += more;
    node = way.slots[i].child.get();
  }
  const std::size_t at = position_in(leaf(*node), low_of(slot));
  assert(at == node->size || low_of(slot) < low_of(leaf(*node).slots[at]));
  insert_slot(leaf(*node), at, std::move(slot));
}

template <typename Traits>
auto OrderedTree<Traits>::erase(Key key) -> Slot {
  const Slot* const found = find(key);
  assert(found != nullptr);
  const Total less = sum_of(*found);
  Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    Inner& way = inner(*node);
    std::size_t i = child_of(way, key);
    const bool is_thin = way.slots[i].child->size <= capacity(level - 1) * 2 / 3;
    if (is_thin && way.size > 1) {
      fill_up(way, i, level - 1);
      i = child_of(way, key);
    }
    way.slots[i].total -= less;
    node = way.slots[i].child.get();
  }
  const std::size_t at = position_in(leaf(*node), key);
  Slot slot = std::move(leaf(*node).slots[at]);
  erase_slots(leaf(*node), at, 1);
  while (height_ > 0 && root_->size == 1) {
    root_ = std::move(inner(*root_).slots[0].child);
    --height_;
  }
  return slot;
}

template <typename Traits>
auto OrderedTree<Traits>::put(Slot slot) -> Slot {
  const Slot* const found = find(low_of(slot));
  if (found == nullptr) {
    insert(std::move(slot));
    return Slot();
  }
  const Total less = sum_of(*found);
  const Total more = sum_of(slot);
  // The tree owns what find() shows.
  if (less == more) return std::exchange(const_cast<Slot&>(*found), std::move(slot));
  Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    Branch& way = inner(*node).slots[child_of(inner(*node), low_of(slot))];
    way.total -= less;
    way.total += more;
    node = way.child.get();
  }
  return std::exchange(leaf(*node).slots[position_in(leaf(*node), low_of(slot))], std::move(slot));
}

template <typename Traits>
auto OrderedTree<Traits>::find(Key key) const -> const Slot* {
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level)
    node = inner(*node).slots[child_of(inner(*node), key)].child.get();
  const std::size_t at = position_in(leaf(*node), key);
  const bool found = at < node->size && !(key < low_of(leaf(*node).slots[at]));
  return found ? &leaf(*node).slots[at] : nullptr;
}

template <typename Traits>
auto OrderedTree<Traits>::below(Key key) const -> Total {
  Total total;
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& way = inner(*node);
    const std::size_t i = child_of(way, key);
    total += sum(way, 0, i);
    node = way.slots[i].child.get();
  }
  return total += sum(leaf(*node), 0, position_in(leaf(*node), key));
}

template <typename Traits>
template <typename Measure>
auto OrderedTree<Traits>::at(std::size_t rank, const Measure& measure) const -> const Slot& {
  const auto skip = [&](const auto& slots, std::size_t size) {
    std::size_t i = 0;
    for (; i + 1 < size && rank >= measure(sum_of(slots[i])); ++i)
      rank -= measure(sum_of(slots[i]));
    return i;
  };
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& way = inner(*node);
    node = way.slots[skip(way.slots, way.size)].child.get();
  }
  const std::size_t i = skip(leaf(*node).slots, node->size);
  assert(i < node->size && rank < measure(sum_of(leaf(*node).slots[i])));
  return leaf(*node).slots[i];
}

template <typename Traits>
auto OrderedTree<Traits>::run(Key lower) const -> Run {
  Run found;
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& way = inner(*node);
    const std::size_t i = child_of(way, lower);
    if (i + 1 < way.size) found.next = &way.slots[i + 1].low;
    node = way.slots[i].child.get();
  }
  const std::size_t first = position_in(leaf(*node), lower);
  found.slots = std::span(leaf(*node).slots).subspan(first, node->size - first);
  return found;
}

template <typename Traits>
std::size_t OrderedTree<Traits>::memory(const Node& node, std::size_t level) {
  if (level == 0) return sizeof(Leaf);
  std::size_t bytes = sizeof(Inner);
  for (std::size_t i = 0; i < node.size; ++i)
    bytes += memory(*inner(node).slots[i].child, level - 1);
  return bytes;
}

/// All keys lie in [low, high), where null is no bound; no node but the root is thin.
template <typename Traits>
void OrderedTree<Traits>::check(const Node& node, std::size_t level, const Bound* low, const Bound* high, Place place) {
  assert(node.size <= capacity(level));
  assert(place == Place::kRoot || node.size >= capacity(level) / 8);
  if (level == 0) {
    const auto& slots = leaf(node).slots;
    for (std::size_t i = 0; i < node.size; ++i) {
      assert(low == nullptr || !(low_of(slots[i]) < Key(*low)));
      assert(high == nullptr || low_of(slots[i]) < Key(*high));
      assert(i == 0 || low_of(slots[i - 1]) < low_of(slots[i]));
    }
    return;
  }
  assert(node.size >= 2);
  const auto& slots = inner(node).slots;
  for (std::size_t i = 0; i < node.size; ++i) {
    const Bound* const child_low = i == 0 ? low : &slots[i].low;
    const Bound* const child_high = i + 1 < node.size ? &slots[i + 1].low : high;
    assert(child_low == nullptr || child_high == nullptr || *child_low < *child_high);
    assert(total(*slots[i].child, level - 1) == slots[i].total);
    check(*slots[i].child, level - 1, child_low, child_high, Place::kBelow);
  }
}

}  // namespace meshdict

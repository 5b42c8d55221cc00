#include "core/reconcile_set.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <utility>

namespace meshdict {
namespace {

/// Items of a leaf (2 KiB) and children of an inner node. Measured: 32 and 128 items cost the same per insert.
constexpr std::size_t kLeafCapacity = 64;
constexpr std::size_t kInnerCapacity = 32;

std::uint64_t big_endian(std::span<const std::uint8_t, 8> bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes)
    number = number << 8 | byte;
  return number;
}

ReconcileTotal total_of(const ReconcileItem& item) {
  return {.count = 1, .sum_high = item.hash_high, .sum_low = item.hash_low};
}

}  // namespace

ReconcileItem make_item(Hlc written, const MessageId& record_hash) {
  const std::span<const std::uint8_t, 32> bytes = record_hash.bytes;
  return {.written = written, .hash_high = big_endian(bytes.first<8>()), .hash_low = big_endian(bytes.subspan<8, 8>())};
}

ReconcileTotal& ReconcileTotal::operator+=(const ReconcileTotal& other) {
  count += other.count;
  sum_low += other.sum_low;
  sum_high += other.sum_high + (sum_low < other.sum_low ? 1 : 0);
  return *this;
}

ReconcileTotal& ReconcileTotal::operator-=(const ReconcileTotal& other) {
  count -= other.count;
  sum_high -= other.sum_high + (sum_low < other.sum_low ? 1 : 0);
  sum_low -= other.sum_low;
  return *this;
}

struct ReconcileSet::Node {
  Node() = default;
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  std::size_t size = 0;
};

struct ReconcileSet::Leaf final : Node {
  static constexpr std::size_t kCapacity = kLeafCapacity;
  std::array<Entry, kCapacity> slots;
};

struct ReconcileSet::Branch {
  ReconcileItem low;  // no item of the child is below it, and all items of the branch before are
  ReconcileTotal total;
  std::unique_ptr<Node> child;
};

struct ReconcileSet::Inner final : Node {
  static constexpr std::size_t kCapacity = kInnerCapacity;
  std::array<Branch, kCapacity> slots;
};

/// Changes go down the tree once: a full child makes room, and a thin one is filled up, before it is entered. So no
/// change has to come back up, and no node but the root falls below an eighth.
struct ReconcileSet::Tree {
  static Leaf& leaf(Node& node) { return static_cast<Leaf&>(node); }
  static Inner& inner(Node& node) { return static_cast<Inner&>(node); }
  static const Leaf& leaf(const Node& node) { return static_cast<const Leaf&>(node); }
  static const Inner& inner(const Node& node) { return static_cast<const Inner&>(node); }

  static const ReconcileItem& low_of(const Entry& entry) { return entry.item; }
  static const ReconcileItem& low_of(const Branch& branch) { return branch.low; }
  static ReconcileTotal sum_of(const Entry& entry) { return total_of(entry.item); }
  static ReconcileTotal sum_of(const Branch& branch) { return branch.total; }

  template <typename N>
  static ReconcileTotal sum(const N& node, std::size_t first, std::size_t last) {
    ReconcileTotal total;
    for (std::size_t i = first; i < last; ++i)
      total += sum_of(node.slots[i]);
    return total;
  }

  static std::size_t capacity(std::size_t level) { return level == 0 ? kLeafCapacity : kInnerCapacity; }

  /// The child that holds `item`, or would.
  static std::size_t child_of(const Inner& node, const ReconcileItem& item) {
    const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
    const auto after = std::upper_bound(std::next(node.slots.begin()), end, item,
                                        [](const ReconcileItem& i, const Branch& branch) { return i < branch.low; });
    return static_cast<std::size_t>(after - node.slots.begin()) - 1;
  }

  static std::size_t position_in(const Leaf& node, const ReconcileItem& item) {
    const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
    const auto at = std::lower_bound(node.slots.begin(), end, item,
                                     [](const Entry& entry, const ReconcileItem& i) { return entry.item < i; });
    return static_cast<std::size_t>(at - node.slots.begin());
  }

  template <typename N, typename Slot>
  static void insert_slot(N& node, std::size_t at, Slot slot) {
    const auto begin = node.slots.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
    std::move_backward(begin, end, std::next(end));
    *begin = std::move(slot);
    ++node.size;
  }

  template <typename N>
  static void erase_slots(N& node, std::size_t first, std::size_t count) {
    const auto to = node.slots.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = node.slots.begin() + static_cast<std::ptrdiff_t>(node.size);
    std::move(to + static_cast<std::ptrdiff_t>(count), end, to);
    node.size -= count;
  }

  /// Moves slots over the border of two neighbouring branches until the left one has `wanted`.
  template <typename N>
  static void shift(Branch& left_branch, Branch& right_branch, std::size_t wanted) {
    N& left = static_cast<N&>(*left_branch.child);
    N& right = static_cast<N&>(*right_branch.child);
    const auto left_end = left.slots.begin() + static_cast<std::ptrdiff_t>(left.size);
    const auto right_end = right.slots.begin() + static_cast<std::ptrdiff_t>(right.size);
    if (wanted < left.size) {
      const std::size_t count = left.size - wanted;
      const ReconcileTotal moved = sum(left, wanted, left.size);
      std::move_backward(right.slots.begin(), right_end, right_end + static_cast<std::ptrdiff_t>(count));
      std::move(left.slots.begin() + static_cast<std::ptrdiff_t>(wanted), left_end, right.slots.begin());
      left.size -= count;
      right.size += count;
      left_branch.total -= moved;
      right_branch.total += moved;
    } else if (wanted > left.size) {
      const std::size_t count = wanted - left.size;
      const ReconcileTotal moved = sum(right, 0, count);
      std::move(right.slots.begin(), right.slots.begin() + static_cast<std::ptrdiff_t>(count), left_end);
      left.size += count;
      erase_slots(right, 0, count);
      left_branch.total += moved;
      right_branch.total -= moved;
    }
    if (right.size > 0) right_branch.low = low_of(right.slots[0]);
  }

  static void shift(Inner& parent, std::size_t left, std::size_t wanted, std::size_t child_level) {
    if (child_level == 0) {
      shift<Leaf>(parent.slots[left], parent.slots[left + 1], wanted);
    } else {
      shift<Inner>(parent.slots[left], parent.slots[left + 1], wanted);
    }
  }

  /// Divides child `i`, which keeps `keep` slots.
  static void split(Inner& parent, std::size_t i, std::size_t keep, std::size_t child_level) {
    Branch right;
    if (child_level == 0) {
      right.child = std::make_unique<Leaf>();
    } else {
      right.child = std::make_unique<Inner>();
    }
    insert_slot(parent, i + 1, std::move(right));
    shift(parent, i, keep, child_level);
  }

  /// Makes room in child `i`, which is full. A neighbour with a quarter free takes a share; otherwise the child is
  /// halved. Rationale: write times mostly grow. Halves alone would stay behind half empty; so they end seven eighths
  /// full.
  static void make_room(Inner& parent, std::size_t i, std::size_t child_level) {
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

  static bool is_thin(std::size_t size, std::size_t level) { return size <= capacity(level) * 2 / 3; }

  /// Joins child `i`, which is thin, with a neighbour, or makes two of it and two neighbours; fills it up from one when
  /// it is at most half full. Rationale: records that are overwritten leave everywhere, and come back at the end only.
  /// Without three made two, nodes would be 58 % full in the long run (measured).
  static void fill_up(Inner& parent, std::size_t i, std::size_t child_level) {
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
      shift(parent, left, three / 2, child_level);  // the two hold so many: they are more than dense
      shift(parent, left + 1, three - three / 2, child_level);
      erase_slots(parent, left + 2, 1);
    } else if (size_of(i) <= capacity(child_level) / 2) {
      shift(parent, left, two / 2, child_level);
    }
  }

  static ReconcileTotal total(const Node& node, std::size_t level) {
    return level == 0 ? sum(leaf(node), 0, node.size) : sum(inner(node), 0, node.size);
  }

  static std::size_t memory(const Node& node, std::size_t level) {
    if (level == 0) return sizeof(Leaf);
    std::size_t bytes = sizeof(Inner);
    for (std::size_t i = 0; i < node.size; ++i)
      bytes += memory(*inner(node).slots[i].child, level - 1);
    return bytes;
  }

  /// All items lie in [low, high), and no node but the root is thin.
  static void check(const Node& node, std::size_t level, const ReconcileItem& low, const ReconcileItem& high,
                    bool is_root) {
    assert(node.size <= capacity(level));
    assert(is_root || node.size >= capacity(level) / 8);
    if (level == 0) {
      const auto& slots = leaf(node).slots;
      for (std::size_t i = 0; i < node.size; ++i) {
        assert(slots[i].item >= low && slots[i].item < high);
        assert(i == 0 || slots[i - 1].item < slots[i].item);
      }
      return;
    }
    assert(node.size >= 2);
    const auto& slots = inner(node).slots;
    for (std::size_t i = 0; i < node.size; ++i) {
      const ReconcileItem& child_low = i == 0 ? low : slots[i].low;
      const ReconcileItem& child_high = i + 1 < node.size ? slots[i + 1].low : high;
      assert(child_low < child_high);
      assert(total(*slots[i].child, level - 1) == slots[i].total);
      check(*slots[i].child, level - 1, child_low, child_high, false);
    }
  }
};

ReconcileSet::ReconcileSet() : root_(std::make_unique<Leaf>()) {}
ReconcileSet::~ReconcileSet() = default;

bool ReconcileSet::insert(const ReconcileItem& item, Handle handle) {
  assert(item < kAboveAll);
  if (find(item)) return false;
  if (root_->size == Tree::capacity(height_)) {
    auto above = std::make_unique<Inner>();
    above->slots[0].total = Tree::total(*root_, height_);
    above->slots[0].child = std::move(root_);
    above->size = 1;
    Tree::make_room(*above, 0, height_);
    root_ = std::move(above);
    ++height_;
  }
  Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    Inner& inner = Tree::inner(*node);
    std::size_t i = Tree::child_of(inner, item);
    if (inner.slots[i].child->size == Tree::capacity(level - 1)) {
      Tree::make_room(inner, i, level - 1);
      i = Tree::child_of(inner, item);
    }
    inner.slots[i].total += total_of(item);
    node = inner.slots[i].child.get();
  }
  Leaf& leaf = Tree::leaf(*node);
  Tree::insert_slot(leaf, Tree::position_in(leaf, item), Entry{.item = item, .handle = handle});
  return true;
}

bool ReconcileSet::erase(const ReconcileItem& item) {
  if (!find(item)) return false;
  Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    Inner& inner = Tree::inner(*node);
    std::size_t i = Tree::child_of(inner, item);
    if (Tree::is_thin(inner.slots[i].child->size, level - 1) && inner.size > 1) {
      Tree::fill_up(inner, i, level - 1);
      i = Tree::child_of(inner, item);
    }
    inner.slots[i].total -= total_of(item);
    node = inner.slots[i].child.get();
  }
  Leaf& leaf = Tree::leaf(*node);
  Tree::erase_slots(leaf, Tree::position_in(leaf, item), 1);
  while (height_ > 0 && root_->size == 1) {
    root_ = std::move(Tree::inner(*root_).slots[0].child);
    --height_;
  }
  return true;
}

std::optional<ReconcileSet::Handle> ReconcileSet::find(const ReconcileItem& item) const {
  const Run found = run(item);
  if (found.entries.empty() || found.entries.front().item != item) return std::nullopt;
  return found.entries.front().handle;
}

std::size_t ReconcileSet::size() const {
  return Tree::total(*root_, height_).count;
}

ReconcileTotal ReconcileSet::below(const ReconcileItem& bound) const {
  ReconcileTotal total;
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& inner = Tree::inner(*node);
    const std::size_t i = Tree::child_of(inner, bound);
    total += Tree::sum(inner, 0, i);
    node = inner.slots[i].child.get();
  }
  const Leaf& leaf = Tree::leaf(*node);
  return total += Tree::sum(leaf, 0, Tree::position_in(leaf, bound));
}

const ReconcileItem& ReconcileSet::at(std::size_t rank) const {
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& inner = Tree::inner(*node);
    std::size_t i = 0;
    while (i + 1 < inner.size && rank >= inner.slots[i].total.count) {
      rank -= inner.slots[i].total.count;
      ++i;
    }
    node = inner.slots[i].child.get();
  }
  assert(rank < node->size);
  return Tree::leaf(*node).slots[rank].item;
}

ReconcileSet::Run ReconcileSet::run(const ReconcileItem& lower) const {
  Run found;
  const Node* node = root_.get();
  for (std::size_t level = height_; level > 0; --level) {
    const Inner& inner = Tree::inner(*node);
    const std::size_t i = Tree::child_of(inner, lower);
    if (i + 1 < inner.size) found.next = inner.slots[i + 1].low;
    node = inner.slots[i].child.get();
  }
  const Leaf& leaf = Tree::leaf(*node);
  const std::size_t first = Tree::position_in(leaf, lower);
  found.entries = std::span(leaf.slots).subspan(first, leaf.size - first);
  return found;
}

std::size_t ReconcileSet::memory() const {
  return Tree::memory(*root_, height_);
}

void ReconcileSet::sanity_check() const {
  Tree::check(*root_, height_, ReconcileItem{}, kAboveAll, true);
}

}  // namespace meshdict

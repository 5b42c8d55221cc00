#pragma once
// Two nodes' sets and reconcilers, joined by a link that counts what it carries.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/encoding/msgpack.h"
#include "core/sync/range_message.h"
#include "core/sync/reconciler.h"

namespace meshdict::reconcile_fixture {

/// What a frame adds to a payload: size, hash, head of the array with a sender of 66 characters, stamp.
inline constexpr std::size_t kFrameOverhead = 130;

/// A record, as the link sees it: a key, and when it was written. The later write wins.
struct Write {
  std::uint64_t key = 0;
  ReconcileItem item;
};

class Side {
 public:
  explicit Side(std::size_t max_bytes) : reconciler(set, max_bytes) {}

  /// As a merge does: the later write of a key stays, and the other's item leaves. False when it was known or older.
  bool merge(const Write& write) {
    const auto [at, is_new] = present.try_emplace(write.key, write.item);
    if (!is_new) {
      if (at->second >= write.item) return false;
      set.erase(at->second);
      at->second = write.item;
    }
    set.insert(write.item, write.key);
    return true;
  }

  ReconcileSet set;
  Reconciler reconciler;
  std::map<std::uint64_t, ReconcileItem> present;
  std::vector<ReconcileItem> sent;
};

/// Sides 0 and 1.
class Link {
 public:
  explicit Link(std::size_t max_bytes = kMaxRangeBytes) : sides{Side(max_bytes), Side(max_bytes)} {}

  /// Works and delivers until nothing is left to do. False: a message was refused, or there is no end.
  bool run(std::size_t budget = 1'000, std::size_t batch = 256) {
    for (std::size_t steps = 0; steps < 10'000'000; ++steps) {
      if (before_step) before_step();
      if (!inbox_.empty()) {
        if (!deliver()) return false;
      } else if (sides[0].reconciler.busy()) {
        work(0, budget, batch);
      } else if (sides[1].reconciler.busy()) {
        work(1, budget, batch);
      } else {
        return true;
      }
    }
    return false;
  }

  void forget_counts() {
    range_bytes = largest_ranges = messages = passes = flights = record_flights = 0;
    for (Side& side : sides)
      side.sent.clear();
  }

  [[nodiscard]] bool is_healed() const { return sides[0].present == sides[1].present; }

  Side sides[2];  // NOLINT: a Side stays where it is

  /// Bytes of ranges, with those of their frames.
  std::size_t range_bytes = 0;
  std::size_t largest_ranges = 0;
  /// Questions and answers, without the closing one.
  std::size_t messages = 0;
  std::size_t passes = 0;
  /// Changes of direction: two make a round trip.
  std::size_t flights = 0;
  /// The flight in which the last record came.
  std::size_t record_flights = 0;
  std::function<void()> before_step;
  std::function<std::string(std::string)> on_wire;

 private:
  struct Parcel {
    std::size_t to = 0;
    bool is_record = false;
    Write write;
    bool is_question = false;
    std::string payload;
  };

  void work(std::size_t from, std::size_t budget, std::size_t batch) {
    Side& side = sides[from];
    std::size_t taken = 0;
    const auto out = side.reconciler.work(budget, [&](const ReconcileSet::Entry& entry) {
      side.sent.push_back(entry.item);
      send(from, Parcel{.to = 1 - from,
                        .is_record = true,
                        .write = {entry.handle, entry.item},
                        .is_question = false,
                        .payload = {}});
      record_flights = flights;
      return ++taken < batch;
    });
    if (!out) return;
    std::string bytes;
    MsgpackWriter to(bytes);
    write_range_message(to, out->message);
    range_bytes += bytes.size() + kFrameOverhead;
    largest_ranges = std::max(largest_ranges, out->message.ranges.size());
    if (out->message.reach != 0) ++passes;
    if (!out->message.closing) ++messages;
    if (on_wire) bytes = on_wire(std::move(bytes));
    send(from,
         Parcel{.to = 1 - from,
                .is_record = false,
                .write = {},
                .is_question = out->is_question,
                .payload = std::move(bytes)},
         !out->message.closing);
  }

  void send(std::size_t from, Parcel parcel, bool counts = true) {
    if (counts && (flights == 0 || from != last_sender_)) {
      ++flights;
      last_sender_ = from;
    }
    inbox_.push_back(std::move(parcel));
  }

  bool deliver() {
    const Parcel parcel = std::move(inbox_.front());
    inbox_.pop_front();
    Side& side = sides[parcel.to];
    if (parcel.is_record) {
      side.merge(parcel.write);
      return true;
    }
    MsgpackCursor cursor(parcel.payload);
    std::vector<RawView> payload;
    while (!cursor.at_end()) {
      const auto value = cursor.value();
      if (!value) return false;
      payload.push_back(*value);
    }
    const auto message = read_range_message(payload);
    if (!message) return false;
    return (parcel.is_question ? side.reconciler.take_question(*message) : side.reconciler.take_answer(*message))
        .has_value();
  }

  std::deque<Parcel> inbox_;
  std::size_t last_sender_ = 0;
};

}  // namespace meshdict::reconcile_fixture

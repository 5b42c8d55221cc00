#pragma once
// When this node was in contact with the mesh: it had a live neighbour, had completed an anti-entropy session with one, and its
// wall clock was right, so that others see what it writes.
//
// Tells whether contact was unbroken for a fixed length of time since some moment. Of past stretches only the end of the latest
// that was long enough matters: a claim that it does not settle is settled by no earlier one.

#include <algorithm>
#include <optional>

#include "core/base/time.h"

namespace meshdict {

class Contact {
 public:
  explicit Contact(Duration length) : length_(length) {}

  void set_linked(bool linked, MonoTime now) {
    linked_ = linked;
    look(now);
  }
  void set_clock(bool right, MonoTime now) {
    clock_is_right_ = right;
    look(now);
  }

  [[nodiscard]] bool is_linked() const { return linked_; }
  [[nodiscard]] bool now() const { return since_.has_value(); }

  [[nodiscard]] bool long_enough_after(MonoTime start, MonoTime now) const {
    if (last_end_ && start + length_ <= *last_end_) return true;
    return since_ && std::max(*since_, start) + length_ <= now;
  }

 private:
  void look(MonoTime now) {
    const bool in_contact = linked_ && clock_is_right_;
    if (in_contact == since_.has_value()) return;
    if (in_contact) {
      since_ = now;
      return;
    }
    if (now - *since_ >= length_) last_end_ = now;
    since_.reset();
  }

  Duration length_;
  bool linked_ = false;
  // Nobody has said otherwise.
  bool clock_is_right_ = true;
  std::optional<MonoTime> since_;
  std::optional<MonoTime> last_end_;
};

}  // namespace meshdict

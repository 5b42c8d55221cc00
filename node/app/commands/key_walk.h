#pragma once
// Listings of many keys in pages: the walk through those that a user may know of, and the cursors by which a client goes on.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "app/access/prefixes.h"
#include "app/resp/session.h"
#include "core/dictionary/dictionary.h"

namespace meshdict::commands {

/// A walk through the keys that begin with `prefix` and that a user may know of, in order. What it may not know of costs
/// no step and is not counted: neither pages nor time tell how much of it there is.
class KeyWalk {
 public:
  using Records = std::remove_cvref_t<decltype(std::declval<const Dictionary&>().records())>;

  /// From `from` on. All outlive the walk.
  KeyWalk(const Records& all, std::string_view prefix, const Prefixes& names, std::string_view from)
      : all_(all), prefix_(prefix), names_(names), at_(all.lower_bound(std::max(from, prefix))) {
    skip();
  }
  [[nodiscard]] bool over() const { return at_ == all_.end() || !at_.key().starts_with(prefix_); }
  [[nodiscard]] const auto& here() const { return at_; }
  void next() {
    ++at_;
    skip();
  }

 private:
  /// At most once for each of the user's prefixes.
  void skip() {
    while (!over()) {
      const auto allowed = names_.first_from(at_.key());
      if (!allowed) {
        at_ = all_.end();
      } else if (*allowed == at_.key()) {
        return;
      } else {
        at_ = all_.lower_bound(*allowed);
      }
    }
  }

  const Records& all_;
  std::string_view prefix_;
  const Prefixes& names_;
  decltype(std::declval<const Records&>().end()) at_;
};

/// Where a walk with this cursor of a client's begins: the key behind the last one that it has seen, and for 0 the first of all.
/// Nothing when it has replied with an error: the cursor is none, or unknown to this node.
std::optional<std::string> begin_walk(RespSession& session, std::string_view cursor);

/// The first key behind this one.
std::string behind(std::string_view key);

}  // namespace meshdict::commands

#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "app/resp/glob.h"

namespace meshdict {

/// Someone who gets messages of channels.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  /// `pattern`: what it subscribed to, which may be empty; nothing for a subscription by name.
  virtual void deliver(std::optional<std::string_view> pattern, std::string_view channel, std::string_view payload) = 0;
  /// Whether it may know of this message. One that may not gets nothing of it, and counts as no receiver.
  [[nodiscard]] virtual bool may_hear(std::string_view channel, std::string_view payload) const = 0;

  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  std::size_t subscribed_bytes = 0;  ///< kept by PubSub
  [[nodiscard]] std::size_t subscriptions() const { return channels.size() + patterns.size(); }
};

/// The channels of this node and the clients that listen to each. Channels here are local; the mesh is one wire below.
class PubSub {
 public:
  /// What a subscription takes of resp_limits::kMaxSubscribedBytes, about.
  static std::size_t cost(std::string_view channel);
  static std::size_t cost(std::string_view name, const Glob& pattern);
  /// Whether `who` may take one more of this cost.
  [[nodiscard]] bool has_room(const Subscriber& who, std::size_t cost) const;
  /// Whether `pattern`, if it is a new one, may be compared with each message; see resp_limits::kMaxPatternWeight.
  [[nodiscard]] bool has_room_to_match(std::string_view name, const Glob& pattern) const;

  /// False when `who` was subscribed already.
  bool subscribe(Subscriber& who, std::string_view channel);
  /// `compiled` is made of `pattern`.
  bool subscribe_pattern(Subscriber& who, std::string_view pattern, Glob compiled);
  bool unsubscribe(Subscriber& who, std::string_view channel);
  bool unsubscribe_pattern(Subscriber& who, std::string_view pattern);
  /// Before a subscriber's end.
  void forget(Subscriber& who);

  /// Delivers to all whose subscription fits and who may hear it, once per subscription. How many that were.
  std::size_t publish(std::string_view channel, std::string_view payload);
  [[nodiscard]] bool empty() const { return channels_.empty() && patterns_.empty(); }
  /// Whether publish() would find a receiver. As many steps.
  [[nodiscard]] bool is_heard(std::string_view channel);
  /// What publish() and is_heard() have cost since the beginning, in steps as resp_limits::kStepsPerTurn.
  [[nodiscard]] std::size_t steps_done() const { return steps_done_; }

  /// Ordered by subscriber's address: the order of delivery among clients carries no meaning.
  using Listeners = std::set<Subscriber*>;
  struct Pattern {
    Glob glob;
    Listeners listeners;
  };
  using Channels = std::map<std::string, Listeners, std::less<>>;
  using Patterns = std::map<std::string, Pattern, std::less<>>;
  [[nodiscard]] const Channels& channels() const { return channels_; }
  [[nodiscard]] const Patterns& patterns() const { return patterns_; }

 private:
  using Matching = std::vector<const Patterns::value_type*>;

  const Matching& matching(std::string_view channel);
  void charge(Subscriber& who, std::size_t cost);
  void discharge(Subscriber& who, std::size_t cost);
  void remove_channel(Subscriber& who, std::string_view channel);
  void remove_pattern(Subscriber& who, std::string_view pattern);

  Channels channels_;
  Patterns patterns_;
  std::size_t bytes_ = 0;
  std::size_t weight_ = 0;  ///< of all patterns
  std::size_t steps_done_ = 0;
  /// Which patterns these channels match, in their order; for as long as the patterns stay.
  std::map<std::string, Matching, std::less<>> matched_;
};

}  // namespace meshdict

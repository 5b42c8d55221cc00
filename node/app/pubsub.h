#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace meshdict {

/// Someone who gets messages of channels.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  /// `pattern` is empty for a subscription by name.
  virtual void deliver(std::string_view pattern, std::string_view channel, std::string_view payload) = 0;

  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  [[nodiscard]] std::size_t subscriptions() const { return channels.size() + patterns.size(); }
};

/// Who listens to which channel of this node. Channels here are local; the mesh is one wire below.
class PubSub {
 public:
  /// False when `who` was subscribed already.
  bool subscribe(Subscriber& who, std::string_view channel);
  bool subscribe_pattern(Subscriber& who, std::string_view pattern);
  bool unsubscribe(Subscriber& who, std::string_view channel);
  bool unsubscribe_pattern(Subscriber& who, std::string_view pattern);
  /// Before a subscriber's end.
  void forget(Subscriber& who);

  /// Delivers to all whose subscription fits, once per subscription. How many that were.
  std::size_t publish(std::string_view channel, std::string_view payload);
  [[nodiscard]] bool empty() const { return channels_.empty() && patterns_.empty(); }

  /// Ordered by subscriber's address: the order of delivery among clients carries no meaning.
  using Listeners = std::map<std::string, std::set<Subscriber*>, std::less<>>;
  [[nodiscard]] const Listeners& channels() const { return channels_; }
  [[nodiscard]] const Listeners& patterns() const { return patterns_; }

 private:
  static void remove(Listeners& from, std::string_view name, Subscriber& who);

  Listeners channels_;
  Listeners patterns_;
};

}  // namespace meshdict

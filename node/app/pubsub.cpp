#include "app/pubsub.h"

#include "app/glob.h"

namespace meshdict {

bool PubSub::subscribe(Subscriber& who, std::string_view channel) {
  if (!who.channels.emplace(channel).second) return false;
  channels_[std::string(channel)].insert(&who);
  return true;
}

bool PubSub::subscribe_pattern(Subscriber& who, std::string_view pattern) {
  if (!who.patterns.emplace(pattern).second) return false;
  patterns_[std::string(pattern)].insert(&who);
  return true;
}

void PubSub::remove(Listeners& from, std::string_view name, Subscriber& who) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  found->second.erase(&who);
  if (found->second.empty()) from.erase(found);
}

bool PubSub::unsubscribe(Subscriber& who, std::string_view channel) {
  const auto found = who.channels.find(channel);
  if (found == who.channels.end()) return false;
  remove(channels_, channel, who);
  who.channels.erase(found);
  return true;
}

bool PubSub::unsubscribe_pattern(Subscriber& who, std::string_view pattern) {
  const auto found = who.patterns.find(pattern);
  if (found == who.patterns.end()) return false;
  remove(patterns_, pattern, who);
  who.patterns.erase(found);
  return true;
}

void PubSub::forget(Subscriber& who) {
  for (const std::string& channel : who.channels)
    remove(channels_, channel, who);
  for (const std::string& pattern : who.patterns)
    remove(patterns_, pattern, who);
  who.channels.clear();
  who.patterns.clear();
}

std::size_t PubSub::publish(std::string_view channel, std::string_view payload) {
  std::size_t receivers = 0;
  if (const auto found = channels_.find(channel); found != channels_.end()) {
    for (Subscriber* who : found->second)
      who->deliver({}, channel, payload);
    receivers += found->second.size();
  }
  for (const auto& [pattern, listeners] : patterns_) {
    if (!glob_match(pattern, channel)) continue;
    for (Subscriber* who : listeners)
      who->deliver(pattern, channel, payload);
    receivers += listeners.size();
  }
  return receivers;
}

}  // namespace meshdict

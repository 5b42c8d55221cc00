#include "app/resp/pubsub.h"

#include <utility>

#include "app/resp/limits.h"

namespace meshdict {

std::size_t PubSub::cost(std::string_view channel) {
  // Two nodes of trees with the name in each, and the subscriber in a third.
  constexpr std::size_t kNodes = 240;
  return kNodes + 2 * channel.size();
}

std::size_t PubSub::cost(std::string_view name, const Glob& pattern) {
  return cost(name) + pattern.bytes();
}

bool PubSub::has_room(const Subscriber& who, std::size_t cost) const {
  return who.subscriptions() < resp_limits::kMaxSubscriptions &&
         who.subscribed_bytes + cost <= resp_limits::kMaxSubscribedBytes &&
         bytes_ + cost <= resp_limits::kMaxSubscribedBytesOfAll;
}

bool PubSub::has_room_to_match(std::string_view name, const Glob& pattern) const {
  return patterns_.contains(name) || weight_ + pattern.weight() <= resp_limits::kMaxPatternWeight;
}

void PubSub::charge(Subscriber& who, std::size_t cost) {
  who.subscribed_bytes += cost;
  bytes_ += cost;
}

void PubSub::discharge(Subscriber& who, std::size_t cost) {
  who.subscribed_bytes -= cost;
  bytes_ -= cost;
}

bool PubSub::subscribe(Subscriber& who, std::string_view channel) {
  if (!who.channels.emplace(channel).second) return false;
  channels_[std::string(channel)].insert(&who);
  charge(who, cost(channel));
  return true;
}

bool PubSub::subscribe_pattern(Subscriber& who, std::string_view pattern, Glob compiled) {
  if (!who.patterns.emplace(pattern).second) return false;
  charge(who, cost(pattern, compiled));
  const auto [place, added] = patterns_.try_emplace(std::string(pattern), Pattern{std::move(compiled), {}});
  place->second.listeners.insert(&who);
  if (!added) return true;
  weight_ += place->second.glob.weight();
  matched_.clear();
  return true;
}

void PubSub::remove_channel(Subscriber& who, std::string_view channel) {
  discharge(who, cost(channel));
  const auto found = channels_.find(channel);
  found->second.erase(&who);
  if (found->second.empty()) channels_.erase(found);
}

void PubSub::remove_pattern(Subscriber& who, std::string_view pattern) {
  const auto found = patterns_.find(pattern);
  discharge(who, cost(pattern, found->second.glob));
  found->second.listeners.erase(&who);
  if (!found->second.listeners.empty()) return;
  weight_ -= found->second.glob.weight();
  patterns_.erase(found);
  matched_.clear();
}

bool PubSub::unsubscribe(Subscriber& who, std::string_view channel) {
  const auto found = who.channels.find(channel);
  if (found == who.channels.end()) return false;
  remove_channel(who, channel);
  who.channels.erase(found);
  return true;
}

bool PubSub::unsubscribe_pattern(Subscriber& who, std::string_view pattern) {
  const auto found = who.patterns.find(pattern);
  if (found == who.patterns.end()) return false;
  remove_pattern(who, pattern);
  who.patterns.erase(found);
  return true;
}

void PubSub::forget(Subscriber& who) {
  for (const std::string& channel : who.channels)
    remove_channel(who, channel);
  for (const std::string& pattern : who.patterns)
    remove_pattern(who, pattern);
  who.channels.clear();
  who.patterns.clear();
}

const PubSub::Matching& PubSub::matching(std::string_view channel) {
  ++steps_done_;
  const auto known = matched_.find(channel);
  if (known != matched_.end()) return known->second;
  if (matched_.size() >= resp_limits::kMaxMatchedChannels) matched_.clear();
  Matching& found = matched_[std::string(channel)];
  for (const auto& pattern : patterns_) {
    const Glob& glob = pattern.second.glob;
    steps_done_ += glob.cost(channel.size());
    if (glob.matches(channel)) found.push_back(&pattern);
  }
  return found;
}

bool PubSub::is_heard(std::string_view channel) {
  return channels_.contains(channel) || !matching(channel).empty();
}

std::size_t PubSub::publish(std::string_view channel, std::string_view payload) {
  std::size_t receivers = 0;
  std::size_t asked = 0;
  const auto deliver_to = [&](const Listeners& listeners, std::optional<std::string_view> pattern) {
    asked += listeners.size();
    for (Subscriber* who : listeners) {
      if (!who->may_hear(channel, payload)) continue;
      who->deliver(pattern, channel, payload);
      ++receivers;
    }
  };
  if (const auto found = channels_.find(channel); found != channels_.end()) deliver_to(found->second, std::nullopt);
  for (const auto* matched : matching(channel))
    deliver_to(matched->second.listeners, matched->first);
  steps_done_ += asked + receivers * (payload.size() / resp_limits::kBytesPerStep);
  return receivers;
}

}  // namespace meshdict

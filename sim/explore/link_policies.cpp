#include "sim/explore/link_policies.h"

#include <utility>

#include "core/links/links.h"

namespace meshdict::sim {
namespace {

const std::string kWhy = "another connection was kept";

/// Closes all links of the pair but `kept`.
void keep_only(Links& links, Pair& pair, const Connection& kept) {
  const std::vector<Connection*> all = pair.links;
  for (Connection* const link : all) {
    if (link != &kept) links.close(*link, EndReason::kDuplicate, kWhy);
  }
}

}  // namespace

std::string_view name_of(Rule rule) {
  switch (rule) {
    case Rule::kArbiter:
      return "arbiter";
    case Rule::kNone:
      return "none";
    case Rule::kPy2p:
      return "py2p";
    case Rule::kPy2pFixed:
      return "py2p-fixed";
    case Rule::kHigherId:
      return "higher-id";
    case Rule::kNewest:
      return "newest";
  }
  return {};
}

const std::vector<std::string>& rule_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    names.reserve(kRules);
    for (std::size_t rule = 0; rule < kRules; ++rule)
      names.emplace_back(name_of(static_cast<Rule>(rule)));
    return names;
  }();
  return kNames;
}

void Py2pRule::added(Links& links, Pair& pair, Connection& link) {
  const bool keeps_old = (links.self() > pair.peer) != link.dialed_by_us;
  if (!keeps_old) {
    Connection* const old = std::exchange(pair.primary, &link);
    if (dead_entries_.erase(pair.peer) == 0) links.close(*old, EndReason::kDuplicate, kWhy);
    return;
  }
  if (as_shipped_) dead_entries_.insert(pair.peer);
  links.close(link, EndReason::kDuplicate, kWhy);
}

void HigherId::added(Links& links, Pair& pair, Connection& link) {
  const bool higher = links.self() > pair.peer;
  const bool new_is_from_higher = link.dialed_by_us == higher;
  const bool old_is_from_higher = pair.links.front()->dialed_by_us == higher;
  keep_only(links, pair, new_is_from_higher && !old_is_from_higher ? link : *pair.links.front());
}

void Newest::added(Links& links, Pair& pair, Connection& link) {
  keep_only(links, pair, link);
}

AnyPolicy::AnyPolicy(Rule rule, LinkPolicy* instead) : instead_(instead) {
  switch (rule) {
    case Rule::kArbiter:
      return;
    case Rule::kNone:
      policy_ = KeepAll();
      return;
    case Rule::kPy2p:
      policy_ = Py2pRule(true);
      return;
    case Rule::kPy2pFixed:
      policy_ = Py2pRule(false);
      return;
    case Rule::kHigherId:
      policy_ = HigherId();
      return;
    case Rule::kNewest:
      policy_ = Newest();
      return;
  }
}

LinkPolicy& AnyPolicy::get() {
  if (instead_ != nullptr) return *instead_;
  return std::visit([](auto& policy) -> LinkPolicy& { return policy; }, policy_);
}

}  // namespace meshdict::sim

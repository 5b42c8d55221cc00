#pragma once
// The rules for duplicate connections that are studied beside the arbiter, for simulated nodes only.
//
// 1. none: no connection is ever closed for being a duplicate.
// 2. py2p: the rule of py2p 0.6 as shipped. At the handshake of an id that is in the table: if (own id > peer's id) xor
//    (the new connection is outgoing), keep the table's connection and close the new one, else the other way round;
//    then put the new one into the table in either case, though it may be the closed one.
// 3. py2p-fixed: the same without the last step.
// 4. higher-id: of two, keep the one that the node with the higher id has dialled, or the older if both or neither are;
//    each end decides for itself.
// 5. newest: each end keeps the newest.
//
// py2p and py2p-fixed decide at the handshake, the others after the extended hello. All have the same boots, pings and
// deadlines; py2p itself has none of these.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/ids.h"
#include "core/links/arbiter.h"
#include "core/links/policy.h"

namespace meshdict::sim {

enum class Rule : std::uint8_t { kArbiter, kNone, kPy2p, kPy2pFixed, kHigherId, kNewest };
inline constexpr std::size_t kRules = 6;

std::string_view name_of(Rule rule);
/// Of all rules, in their order.
const std::vector<std::string>& rule_names();

/// What the studied rules have in common: no probes, no KEEP.
class StudiedPolicy : public LinkPolicy {
 public:
  void examine(Links& /*links*/, Pair& /*pair*/, Connection& /*link*/,
               const std::vector<Nonce>& /*open_nonces*/) override {}
  void added(Links& /*links*/, Pair& /*pair*/, Connection& /*link*/) override {}
  void changed(Links& /*links*/, Pair& /*pair*/) override {}
  void on_keep(Links& /*links*/, Pair& /*pair*/, Connection& /*link*/, const Keep& /*keep*/) override {}
  void on_keep_ack(Links& /*links*/, Pair& /*pair*/, Connection& /*link*/, const KeepAck& /*ack*/) override {}
};

class KeepAll final : public StudiedPolicy {};

class Py2pRule final : public StudiedPolicy {
 public:
  explicit Py2pRule(bool as_shipped) : as_shipped_(as_shipped) {}
  [[nodiscard]] bool wants_hello() const override { return false; }
  void added(Links& links, Pair& pair, Connection& link) override;
  /// The table's entry is a connection that was closed: what is sent to the peer is lost.
  [[nodiscard]] bool entry_is_dead(const NodeId& peer) const { return dead_entries_.contains(peer); }
  /// The pair has ended, and its entry with it.
  void forget(const NodeId& peer) { dead_entries_.erase(peer); }

 private:
  bool as_shipped_;
  std::set<NodeId> dead_entries_;
};

class HigherId final : public StudiedPolicy {
 public:
  void added(Links& links, Pair& pair, Connection& link) override;
};

class Newest final : public StudiedPolicy {
 public:
  void added(Links& links, Pair& pair, Connection& link) override;
};

/// Any of them by value, so that a world can be copied; or `instead`, which holds nothing itself and is shared by all.
class AnyPolicy {
 public:
  explicit AnyPolicy(Rule rule, LinkPolicy* instead = nullptr);
  [[nodiscard]] LinkPolicy& get();
  [[nodiscard]] const Py2pRule* py2p() const { return std::get_if<Py2pRule>(&policy_); }
  [[nodiscard]] Py2pRule* py2p() { return std::get_if<Py2pRule>(&policy_); }

 private:
  std::variant<Arbiter, KeepAll, Py2pRule, HigherId, Newest> policy_;
  LinkPolicy* instead_;
};

}  // namespace meshdict::sim

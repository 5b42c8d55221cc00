#pragma once
// "lease": who is refused, for how long, and who is admitted; with leasing on.
//
// 1. A write is refused while another's lease lasts, and admitted once it is over by all margins. A machine that restarts with its
//    disk is no other.
// 2. The time left that a refusal tells is right: it ends when the lease does, with all margins, and the writer is admitted then and
//    not before, unless somebody has written meanwhile.
// 3. Whoever takes a key over leaves no holder behind that still trusts its lease, and nobody renews a claim that it must not
//    trust any more; with clocks in bounds.
// 4. No write is refused for a clock when all clocks have agreed for so long that everybody has read them anew; on lines so fast that
//    a reading is good.
// 5. A claim that its owner has given up refuses nobody from the moment at which a node sees that, and the next has a larger epoch.
//
// By true time, whatever the clocks have done since: a node compares clocks once, when it first sees a write, and from then on
// counts on its monotonic clock. So the oracle knows the true age of a write, how wrong its writer's clock was then, and how wrong
// the reader's was when it saw the write; what the reader reckons lies between two bounds that follow from these. Between them,
// and where it has not seen who wrote when, it does not know.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/oracles/oracle.h"

namespace meshdict::sim {

/// RFC 5905's bound for the rate of a clock, which leases allow for.
inline constexpr std::int64_t kMostDriftPpm = 500;

class LeaseOracle {
 public:
  LeaseOracle(const Hosts& hosts, const EventQueue& world, const Identities& identities,
              const std::vector<Property>& check, Duration slowest, Findings& findings);

  /// How old a lease may be by a node's reckoning, at least and at most.
  struct Ages {
    Duration low{};
    Duration high{};
  };
  /// What is known before a client's write.
  struct Foreseen {
    Outcome outcome = Outcome::kAny;  ///< what must come of it
    NodeIndex holder = kNobody;       ///< whose value the node shows
    Version shown{};
    std::optional<Ages> age{};
  };
  [[nodiscard]] Foreseen foresee(NodeIndex node, const std::string& key) const;
  /// How long ago the holder of the key has written it, when that is another node. Nothing: nobody, or the oracle does not know.
  [[nodiscard]] std::optional<Duration> age_of_others_claim(NodeIndex node, const std::string& key) const;

  /// After it; `left` is what a refusal told.
  void tried(NodeIndex node, const std::string& key, const Foreseen& foreseen, Outcome outcome,
             std::optional<Duration> left);
  /// The node says that it has given the key up.
  void released(NodeIndex node, const std::string& key);
  /// The node's record of `key` has changed.
  void changed(NodeIndex node, const std::string& key);
  /// It has read its disk again.
  void restarted(NodeIndex node);
  /// What the machine has written since then is lost with its disk.
  void forget(NodeIndex node, Duration since);
  /// The clock of a node is about to be set, or to run at another rate.
  void clock_changes(NodeIndex node);

 private:
  struct Written {
    std::uint64_t stamp = 0;  ///< Version::written, which no other write of its owner has
    Duration at{};
  };
  /// The last writes of one machine to one key: what others still show may be behind.
  static constexpr std::size_t kRemembered = 4;
  struct LastWrites {
    std::array<Written, kRemembered> last{};
    std::size_t count = 0;
  };
  /// What a node whose clock has changed reckoned of a record when it first saw it.
  struct Sight {
    NodeId owner;
    std::uint64_t stamp = 0;
    Ages ages;
    MonoTime at;
  };
  /// What a refusal has told.
  struct Told {
    NodeId owner;
    std::uint64_t stamp = 0;
    std::uint64_t life = 0;
    MonoTime until;
  };

  [[nodiscard]] std::optional<Duration> written_at(NodeIndex machine, const std::string& key,
                                                   std::uint64_t stamp) const;
  [[nodiscard]] std::optional<Ages> ages(NodeIndex node, const std::string& key, const Version& version) const;
  [[nodiscard]] std::optional<Ages> ages_at_sight(NodeIndex node, const std::string& key, const Version& version) const;
  [[nodiscard]] Duration highest_offset() const;
  void note_sight(NodeIndex node, const std::string& key, const Version& version);
  void check_left(NodeIndex node, const std::string& key, const Foreseen& foreseen, Duration left);
  void check_told(NodeIndex node, const std::string& key, const Foreseen& foreseen, Outcome outcome);
  void check_holder(NodeIndex node, const std::string& key, const Foreseen& foreseen);
  void check_renewal(NodeIndex node, const std::string& key, const Foreseen& foreseen);
  void remember(NodeIndex node, const std::string& key);
  void check_clock(NodeIndex node, const std::string& key);
  void check_epoch(NodeIndex node, const std::string& key, const Foreseen& foreseen);
  [[nodiscard]] bool are_apart(Duration by) const;
  [[nodiscard]] bool judges(NodeIndex node) const;
  [[nodiscard]] const std::string& name(NodeIndex node) const { return hosts_[node]->plan().name; }

  const Hosts& hosts_;
  const EventQueue& world_;
  const Identities& identities_;
  const bool on_;
  const Duration slowest_;
  Findings& findings_;
  std::optional<Duration> last_apart_;  // when two clocks that differed too much were about to change
  std::unordered_map<std::string, std::map<NodeIndex, LastWrites>> writes_;  // by key; looked up only
  std::map<std::pair<NodeIndex, std::string>, Told> told_;
  /// By node, for those whose clock has changed; null: it has not, and what it reckons follows from its clock now.
  std::vector<std::unique_ptr<std::unordered_map<std::string, Sight>>> sights_;
};

}  // namespace meshdict::sim

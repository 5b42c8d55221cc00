#include "sim/plan/nemesis.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

namespace meshdict::sim {
namespace {

constexpr Duration kForever = Duration::max();
/// Between two faults of one node: what ends the one must not come behind what begins the other.
constexpr Duration kApart = 1s;
/// Two nodes that were both up for so long have mostly found each other.
constexpr Duration kSettled = 5s;
/// To find a kind and a node for which there is something to do.
constexpr int kMostTries = 16;

/// Past the times that a step may have, sums of two of them are far from the end of 64 bits.
Duration end_of(const Step& step) {
  return step.lasts ? step.at.low + step.lasts->low : kForever;
}

}  // namespace

// Stretches

void Stretches::add(Duration from, Duration until) {
  auto next = until_.upper_bound(from);
  if (next != until_.begin() && std::prev(next)->second >= from) --next;
  while (next != until_.end() && next->first <= until) {
    from = std::min(from, next->first);
    until = std::max(until, next->second);
    next = until_.erase(next);
  }
  until_.emplace(from, until);
}

void Stretches::close(Duration at) {
  const auto next = until_.upper_bound(at);
  if (next == until_.begin()) return;
  Duration& until = std::prev(next)->second;
  until = std::min(until, at);
}

bool Stretches::meets(Duration from, Duration until) const {
  const auto next = until_.upper_bound(until);
  return next != until_.begin() && std::prev(next)->second >= from;
}

// Occupied

Occupied::Occupied(const std::vector<NodePlan>& nodes) {
  for (NodeIndex node = 0; node < nodes.size(); ++node)
    take(What::kDown, node, kNobody, -kApart, nodes[node].starts ? nodes[node].start.low : kForever);
}

bool Occupied::is_taken(What what, NodeIndex a, NodeIndex b, Duration from, Duration until) const {
  const auto held = held_.find({what, a, b});
  return held != held_.end() && held->second.meets(from, until);
}

void Occupied::add(const Step& step) {
  const Duration from = step.at.low;
  const auto hold = [&](What what, NodeIndex node) { take(what, node, kNobody, from, end_of(step)); };
  const auto free = [&](What what, NodeIndex node) { held_[{what, node, kNobody}].close(from); };
  if (const auto* crash = std::get_if<CrashStep>(&step.action)) {
    hold(What::kDown, crash->node);
  } else if (const auto* stop = std::get_if<StopStep>(&step.action)) {
    hold(What::kDown, stop->node);
  } else if (const auto* leave = std::get_if<LeaveStep>(&step.action)) {
    hold(What::kDown, leave->node);
  } else if (const auto* restart = std::get_if<RestartStep>(&step.action)) {
    free(What::kDown, restart->node);
  } else if (const auto* clone = std::get_if<CloneStep>(&step.action)) {
    free(What::kDown, clone->node);
    if (step.lasts) take(What::kDown, clone->node, kNobody, end_of(step), kForever);
  } else if (const auto* pause = std::get_if<PauseStep>(&step.action)) {
    hold(What::kHampered, pause->node);
  } else if (const auto* resume = std::get_if<ResumeStep>(&step.action)) {
    free(What::kHampered, resume->node);
  } else if (const auto* disk = std::get_if<DiskStep>(&step.action)) {
    hold(What::kHampered, disk->node);
  } else if (const auto* dials = std::get_if<DialsStep>(&step.action)) {
    dials->answer == DialAnswer::kTaken ? free(What::kDials, dials->node) : hold(What::kDials, dials->node);
  } else if (const auto* slow = std::get_if<SlowReaderStep>(&step.action)) {
    slow->rate == 0 ? free(What::kReading, slow->node) : hold(What::kReading, slow->node);
  } else if (std::holds_alternative<PartitionStep>(step.action)) {
    hold(What::kBorder, kNobody);
  } else if (std::holds_alternative<HealStep>(step.action)) {
    free(What::kBorder, kNobody);
  }
}

// Drawing

namespace {

class NemesisDraw {
 public:
  NemesisDraw(const Nemesis& nemesis, const Plan& plan, RandomStream random, Occupied& occupied,
              std::vector<Step>& steps)
      : nemesis_(nemesis), plan_(plan), random_(random), occupied_(occupied), steps_(steps) {}

  void run() {
    for (Duration at = nemesis_.from + draw(nemesis_.every); at < nemesis_.until; at += draw(nemesis_.every)) {
      at_ = at;
      until_ = at + draw(nemesis_.lasts);
      bool done = false;
      for (int tries = 0; tries < kMostTries && !done; ++tries)
        done = strike();
    }
  }

  // Each draws a fault of its kind, with what it needs; false when there is nothing for it to do.

  bool crash() { return of_node(&NemesisDraw::make_crash); }
  bool silent_crash() { return of_node(&NemesisDraw::make_silent_crash); }
  bool power_failure() { return of_node(&NemesisDraw::make_power_failure); }
  bool lost_disk() { return of_node(&NemesisDraw::make_lost_disk); }
  bool lost_records() { return of_node(&NemesisDraw::make_lost_records); }
  bool stop() { return of_node(&NemesisDraw::make_stop); }
  bool pause() { return of_node(&NemesisDraw::make_pause); }
  bool full_disk() { return of_node(&NemesisDraw::make_full_disk); }
  bool slow_disk() { return of_node(&NemesisDraw::make_slow_disk); }
  bool halves();
  bool one_alone();
  bool bridge();
  bool cut() { return cut_pair(false); }
  bool one_way_cut() { return cut_pair(true); }
  bool reset() {
    return of_pair([](NodeIndex a, NodeIndex b) { return ResetStep{.a = a, .b = b}; });
  }
  bool one_sided_reset() {
    return of_pair([](NodeIndex a, NodeIndex b) { return ResetStep{.a = a, .b = b, .one_sided = true}; });
  }
  bool reset_inside_frame() {
    return of_pair([](NodeIndex a, NodeIndex b) { return ResetStep{.a = a, .b = b, .inside_frame = true}; });
  }
  bool half_open() {
    return of_pair([](NodeIndex a, NodeIndex b) { return HalfOpenStep{a, b}; });
  }
  bool disconnect();
  bool crossed_dials() {
    return of_pair([](NodeIndex a, NodeIndex b) { return StormStep{.nodes = {std::min(a, b), std::max(a, b)}}; });
  }
  bool storm();
  bool refused_dial() { return dials(DialAnswer::kRefused); }
  bool lost_dial() { return dials(DialAnswer::kLost); }
  bool bit_flip() { return tamper(Tampering::kFlip); }
  bool truncated_frame() { return tamper(Tampering::kTruncate); }
  bool repeated_frame() { return tamper(Tampering::kRepeat); }
  bool stale_frame() { return tamper(Tampering::kStale); }
  bool slow_reader();
  bool latency() {
    return link([this](LinkStep& line) { line.said.latency = true, line.link.latency = fixed(time(100ms, 1s)); });
  }
  bool jitter() {
    return link([this](LinkStep& line) { line.said.jitter = true, line.link.jitter = fixed(time(10ms, 300ms)); });
  }
  bool bandwidth() {
    return link([this](LinkStep& line) { line.said.bandwidth = true, line.link.bandwidth = number(5'000, 100'000); });
  }
  bool fragments() {
    return link([this](LinkStep& line) { line.said.piece = true, line.link.piece = number(1, 64); });
  }
  bool joined_reads() {
    return link([this](LinkStep& line) { line.said.gather = true, line.link.gather = time(10ms, 300ms); });
  }
  bool clock_rate();
  bool clock_forward() { return jump(+1); }
  bool clock_backward() { return jump(-1); }

 private:
  using What = Occupied::What;

  Duration time(Duration low, Duration high) { return Duration(random_.between(low.count(), high.count())); }
  std::uint64_t number(std::uint64_t low, std::uint64_t high) { return low + random_.below(high - low + 1); }
  Duration draw(const DurationRange& range) { return time(range.low, range.high); }
  static DurationRange fixed(Duration value) { return {value, value}; }
  NodeIndex one_of(const std::vector<NodeIndex>& nodes) { return nodes[random_.below(nodes.size())]; }

  bool strike();
  void add(Action action, bool may_idle = false) { add_at(at_, std::move(action), fixed(until_ - at_), may_idle); }
  void add_at(Duration at, Action action, std::optional<DurationRange> lasts, bool may_idle) {
    Step step;
    step.at = fixed(at);
    step.line = nemesis_.line;
    step.action = std::move(action);
    step.lasts = lasts;
    step.may_idle = may_idle;
    steps_.push_back(std::move(step));
  }
  /// Of `among`, those that nothing else has down or hampers then.
  [[nodiscard]] std::vector<NodeIndex> well(const std::vector<NodeIndex>& among, Duration from, Duration until) const {
    std::vector<NodeIndex> found;
    std::ranges::copy_if(among, std::back_inserter(found),
                         [&](NodeIndex node) { return occupied_.is_well(node, from, until); });
    return found;
  }
  [[nodiscard]] std::vector<NodeIndex> all() const {
    std::vector<NodeIndex> nodes(plan_.nodes.size());
    std::iota(nodes.begin(), nodes.end(), NodeIndex{0});
    return nodes;
  }
  /// Takes it for the time of the fault, unless that is taken.
  bool take(What what, NodeIndex a, NodeIndex b = kNobody) {
    if (occupied_.is_taken(what, a, b, at_ - kApart, until_ + kApart)) return false;
    occupied_.take(what, a, b, at_, until_);
    return true;
  }

  // node faults
  struct Made {
    Action action;
    What what;
  };
  bool of_node(Made (NemesisDraw::*make)(NodeIndex));
  Made make_crash(NodeIndex node) { return {CrashStep{.node = node}, What::kDown}; }
  Made make_silent_crash(NodeIndex node) { return {CrashStep{.node = node, .silent = true}, What::kDown}; }
  Made make_power_failure(NodeIndex node) { return {CrashStep{.node = node, .power = true}, What::kDown}; }
  Made make_lost_disk(NodeIndex node) { return {CrashStep{.node = node, .disk = DiskLeft::kNothing}, What::kDown}; }
  Made make_lost_records(NodeIndex node) { return {CrashStep{.node = node, .disk = DiskLeft::kIdentity}, What::kDown}; }
  Made make_stop(NodeIndex node) { return {StopStep{node}, What::kDown}; }
  Made make_pause(NodeIndex node) { return {PauseStep{node}, What::kHampered}; }
  Made make_full_disk(NodeIndex node) { return {DiskStep{.node = node, .full = true}, What::kHampered}; }
  Made make_slow_disk(NodeIndex node) { return {DiskStep{.node = node, .delay = time(10ms, 200ms)}, What::kHampered}; }

  using Pair = std::pair<NodeIndex, NodeIndex>;
  std::optional<Pair> pair();
  template <typename Make>
  bool of_pair(Make make) {
    const auto found = pair();
    if (!found) return false;
    add_at(at_, make(found->first, found->second), std::nullopt, true);
    return true;
  }
  std::vector<NodeIndex> shuffled(std::vector<NodeIndex> nodes);
  bool cut_pair(bool one_way);
  bool part(std::vector<NodeIndex> side);
  bool dials(DialAnswer answer);
  bool tamper(Tampering how) {
    return of_pair([how](NodeIndex a, NodeIndex b) { return TamperStep{.from = a, .to = b, .how = how}; });
  }
  template <typename Change>
  bool link(Change change);
  bool jump(int direction);

  const Nemesis& nemesis_;
  const Plan& plan_;
  RandomStream random_;
  Occupied& occupied_;
  std::vector<Step>& steps_;
  // Of the fault that is being drawn.
  Duration at_{};
  Duration until_{};
};

struct Kind {
  NemesisKind told;
  bool (NemesisDraw::*draw)();
};

constexpr std::array kKinds = {
    Kind{{"crash", "a process is killed, and starts again"}, &NemesisDraw::crash},
    Kind{{"silent_crash", "a machine dies, and starts again"}, &NemesisDraw::silent_crash},
    Kind{{"power_failure", "the same, and the last commits of a disk that syncs once a second are lost"},
         &NemesisDraw::power_failure},
    Kind{{"restart_without_disk", "a process is killed, and starts with an empty disk"}, &NemesisDraw::lost_disk},
    Kind{{"restart_with_identity_only", "the same with nothing but its id left"}, &NemesisDraw::lost_records},
    Kind{{"stop", "a node says goodbye, and starts again"}, &NemesisDraw::stop},
    Kind{{"pause", "a process stands still"}, &NemesisDraw::pause},
    Kind{{"full_disk", "a disk takes no more"}, &NemesisDraw::full_disk},
    Kind{{"slow_disk", "each commit takes 10 to 200 ms"}, &NemesisDraw::slow_disk},
    Kind{{"partition", "nothing passes between two halves"}, &NemesisDraw::halves},
    Kind{{"isolation", "nothing passes between one node and all others"}, &NemesisDraw::one_alone},
    Kind{{"bridge", "two halves reach each other through one node only"}, &NemesisDraw::bridge},
    Kind{{"cut", "nothing passes between two nodes"}, &NemesisDraw::cut},
    Kind{{"one_way_cut", "nothing passes from one node to another"}, &NemesisDraw::one_way_cut},
    Kind{{"reset", "the connections of two nodes are reset"}, &NemesisDraw::reset},
    Kind{{"one_sided_reset", "only one end is told"}, &NemesisDraw::one_sided_reset},
    Kind{{"reset_inside_frame", "in the middle of a message"}, &NemesisDraw::reset_inside_frame},
    Kind{{"half_open", "one end is told, the other hears nothing more"}, &NemesisDraw::half_open},
    Kind{{"disconnect", "a user parts two nodes, and later has them dial again"}, &NemesisDraw::disconnect},
    Kind{{"crossed_dials", "two nodes dial each other at one moment"}, &NemesisDraw::crossed_dials},
    Kind{{"storm", "all nodes dial each other at one moment"}, &NemesisDraw::storm},
    Kind{{"refused_dial", "a machine refuses new connections, of which there is one"}, &NemesisDraw::refused_dial},
    Kind{{"lost_dial", "a machine does not answer new connections, of which there is one"}, &NemesisDraw::lost_dial},
    Kind{{"slow_reader", "a node takes 2 to 20 KB a second"}, &NemesisDraw::slow_reader},
    Kind{{"latency", "the links of a node take 100 ms to 1 s"}, &NemesisDraw::latency},
    Kind{{"jitter", "the links of a node take up to 10 to 300 ms longer, now more, now less"}, &NemesisDraw::jitter},
    Kind{{"bandwidth", "the links of a node carry 5 to 100 KB a second"}, &NemesisDraw::bandwidth},
    Kind{{"fragments", "what arrives comes in pieces of 1 to 64 bytes"}, &NemesisDraw::fragments},
    Kind{{"joined_reads", "what arrives within 10 to 300 ms is read at once"}, &NemesisDraw::joined_reads},
    Kind{{"bit_flip", "a bit of a message is wrong"}, &NemesisDraw::bit_flip},
    Kind{{"truncated_frame", "the last bytes of a message are missing"}, &NemesisDraw::truncated_frame},
    Kind{{"repeated_frame", "a message arrives twice"}, &NemesisDraw::repeated_frame},
    Kind{{"stale_frame", "a message arrives again, three seconds later"}, &NemesisDraw::stale_frame},
    Kind{{"clock_rate", "clocks run up to 500 ppm fast, or slow"}, &NemesisDraw::clock_rate},
    Kind{{"clock_forward", "a wall clock is ahead by up to half the skew, 20 s at most"}, &NemesisDraw::clock_forward},
    Kind{{"clock_backward", "a wall clock is behind, in the same way"}, &NemesisDraw::clock_backward},
};

constexpr auto kTold = [] {
  std::array<NemesisKind, kKinds.size()> told;
  for (std::size_t i = 0; i < kKinds.size(); ++i)
    told[i] = kKinds[i].told;
  return told;
}();

bool NemesisDraw::strike() {
  std::uint64_t all_weights = 0;
  for (const Nemesis::Kind& kind : nemesis_.kinds)
    all_weights += kind.weight;
  std::uint64_t pick = random_.below(all_weights);
  for (const Nemesis::Kind& kind : nemesis_.kinds) {
    if (pick < kind.weight) return (this->*kKinds[kind.kind].draw)();
    pick -= kind.weight;
  }
  return false;
}

bool NemesisDraw::of_node(Made (NemesisDraw::*make)(NodeIndex)) {
  const std::vector<NodeIndex> free = well(nemesis_.nodes, at_ - kApart, until_ + kApart);
  if (free.empty()) return false;
  const NodeIndex node = one_of(free);
  Made made = (this->*make)(node);
  occupied_.take(made.what, node, kNobody, at_, until_);
  add(std::move(made.action));
  return true;
}

/// Two nodes that are up, the first of them one that the nemesis is about, and the second too if it is about several.
std::optional<NemesisDraw::Pair> NemesisDraw::pair() {
  for (const Duration since : {at_ - kSettled, at_}) {
    const std::vector<NodeIndex> ones = well(nemesis_.nodes, since, at_);
    if (ones.empty()) continue;
    const NodeIndex a = one_of(ones);
    std::vector<NodeIndex> others = nemesis_.nodes.size() > 1 ? ones : well(all(), since, at_);
    std::erase(others, a);
    if (!others.empty()) return Pair(a, one_of(others));
  }
  return std::nullopt;
}

// Borders

bool NemesisDraw::part(std::vector<NodeIndex> side) {
  if (side.empty() || side.size() == plan_.nodes.size() || !take(What::kBorder, kNobody)) return false;
  std::ranges::sort(side);
  PartitionStep partition;
  partition.groups.push_back(std::move(side));
  add(std::move(partition));
  return true;
}

std::vector<NodeIndex> NemesisDraw::shuffled(std::vector<NodeIndex> nodes) {
  for (std::size_t i = nodes.size(); i > 1; --i)
    std::swap(nodes[i - 1], nodes[random_.below(i)]);
  return nodes;
}

bool NemesisDraw::halves() {
  std::vector<NodeIndex> half = shuffled(nemesis_.nodes);
  half.resize((half.size() + 1) / 2);
  return part(std::move(half));
}

bool NemesisDraw::one_alone() {
  return part({one_of(nemesis_.nodes)});
}

bool NemesisDraw::bridge() {
  std::vector<NodeIndex> others = all();
  std::erase(others, one_of(nemesis_.nodes));
  if (others.size() < 2 || !take(What::kBorder, kNobody)) return false;
  others = shuffled(std::move(others));
  const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
  CutStep cut{.from = {others.begin(), middle}, .to = {middle, others.end()}};
  std::ranges::sort(cut.from);
  std::ranges::sort(cut.to);
  add(std::move(cut));
  return true;
}

bool NemesisDraw::cut_pair(bool one_way) {
  const auto found = pair();
  if (!found || !take(What::kBorder, std::min(found->first, found->second), std::max(found->first, found->second))) {
    return false;
  }
  add(CutStep{.from = {found->first}, .to = {found->second}, .one_way = one_way});
  return true;
}

// Connections

bool NemesisDraw::disconnect() {
  const auto found = pair();
  if (!found || !take(What::kLink, found->first, found->second)) return false;
  add(DisconnectStep{found->first, found->second}, true);
  return true;
}

bool NemesisDraw::storm() {
  StormStep storm{.nodes = well(nemesis_.nodes, at_, at_), .times = number(1, 2)};
  if (storm.nodes.size() < 3) return false;
  add_at(at_, std::move(storm), std::nullopt, false);
  return true;
}

/// With a dial: else there might be none meanwhile.
bool NemesisDraw::dials(DialAnswer answer) {
  const auto found = pair();
  if (!found || !take(What::kDials, found->first)) return false;
  add(DialsStep{found->first, answer});
  add_at(at_ + (until_ - at_) / 2, ConnectStep{found->second, found->first}, std::nullopt, true);
  return true;
}

bool NemesisDraw::slow_reader() {
  const NodeIndex node = one_of(nemesis_.nodes);
  if (!take(What::kReading, node)) return false;
  add(SlowReaderStep{.node = node, .rate = number(2'000, 20'000)});
  return true;
}

template <typename Change>
bool NemesisDraw::link(Change change) {
  const NodeIndex node = one_of(nemesis_.nodes);
  if (!take(What::kLink, node)) return false;
  LinkStep step{.a = node, .link = plan_.links, .said = LinkFields::none()};
  change(step);
  add(std::move(step));
  return true;
}

// Clocks

bool NemesisDraw::clock_rate() {
  const NodeIndex node = one_of(nemesis_.nodes);
  if (!take(What::kRate, node)) return false;
  const auto ppm = static_cast<std::int64_t>(number(1, 500));
  add(ClockStep{.node = node, .ppm = random_.chance(1, 2) ? ppm : -ppm});
  return true;
}

bool NemesisDraw::jump(int direction) {
  const NodeIndex node = one_of(nemesis_.nodes);
  const Duration most = std::max<Duration>(1ms, std::min<Duration>(plan_.nodes[node].skew / 2, 20s));
  add(ClockStep{.node = node, .jump = direction * time(1ms, most)});
  return true;
}

}  // namespace

std::span<const NemesisKind> nemesis_kinds() {
  return kTold;
}

std::vector<std::string> nemesis_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kTold));
  for (const NemesisKind& kind : kTold)
    names.emplace_back(kind.name);
  return names;
}

void draw_nemesis(const Nemesis& nemesis, const Plan& plan, RandomStream random, Occupied& occupied,
                  std::vector<Step>& steps) {
  NemesisDraw(nemesis, plan, random, occupied, steps).run();
}

}  // namespace meshdict::sim

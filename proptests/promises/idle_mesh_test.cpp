// Nodes that hold the same have nothing to say: pings, and now and then a comparison that is answered "the same". For
// hours, while deletions pass the horizon at each node by its own clock, while future records wait for their time, and after
// restarts.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "proptests/sim/history_fixture.h"
#include "proptests/sim/plan_gen.h"
#include "sim/machines/virtual_clock.h"
#include "sim/trace/transcript_reader.h"
#include "sim/world/world.h"

namespace meshdict::test {
namespace {

/// Clients write until then.
constexpr Duration kWritten = 60s;
/// A node that lacked something has it by then: a backoff (10 s), an anti-entropy session (15 s), and some time on the way.
constexpr Duration kCatchesUp = 60s;
constexpr Duration kLongest = 2h;
/// What a clock gains or loses until the end is a quarter of the skew at the most.
constexpr std::int64_t kLongestSeconds = kLongest / 1s;
constexpr int kKeysOfIdleMesh = 40;
/// Of a question about sets as small as these, and of "the same", before compression: some 100 are the head's.
constexpr std::uint64_t kMostOfQuestion = 1'200;
constexpr std::uint64_t kMostOfAnswer = 160;

enum class Shape : std::uint8_t { kPair, kLine, kRing };

struct Span {
  Duration from{};
  Duration until{};
};

struct IdleScene {
  Plan plan;
  Duration skew{};
  Duration horizon{};
  std::uint64_t kept_deletions = 0;
  /// Nodes that came back without all that they had.
  std::vector<Span> catching_up;
  bool restarts = false;
};

void showValue(const IdleScene& scene, std::ostream& os) {
  sim::showValue(scene.plan, os);
}

void add(IdleScene& scene, Duration when, Action action, std::optional<Duration> lasts = std::nullopt) {
  Step step;
  step.at = at(when);
  step.action = std::move(action);
  if (lasts) step.lasts = at(*lasts);
  scene.plan.steps.push_back(std::move(step));
}

/// Nodes that reach their neighbours only.
void arrange(IdleScene& scene, Shape shape) {
  const NodeIndex count = shape == Shape::kPair ? 2 : 5;
  const auto leasing = *rc::gen::element(Leasing::kOn, Leasing::kOff);
  for (NodeIndex i = 0; i < count; ++i) {
    NodePlan node;
    node.name = "n" + std::to_string(i + 1);
    node.leasing = leasing;
    node.lease = 12 * scene.skew;
    node.settle = std::min(node.settle, scene.skew);
    node.skew = scene.skew;
    node.horizon = scene.horizon;
    node.kept_deletions = scene.kept_deletions;
    node.clock = at(*between(-scene.skew / 4, scene.skew / 4));
    if (i > 0) node.join.push_back(i - 1);
    if (shape == Shape::kRing && i + 1 == count) node.join.push_back(0);
    const std::int64_t most_ppm = scene.skew.count() / 4 / kLongestSeconds;
    add(scene, 0s, ClockStep{.node = i, .ppm = *rc::gen::inRange<std::int64_t>(-most_ppm, most_ppm + 1)});
    CutStep cut{.from = {i}, .to = {}};
    for (NodeIndex other = i + 2; other < count; ++other) {
      const bool closes_the_ring = shape == Shape::kRing && i == 0 && other + 1 == count;
      if (!closes_the_ring) cut.to.push_back(other);
    }
    if (!cut.to.empty()) add(scene, 0s, std::move(cut));
    scene.plan.nodes.push_back(std::move(node));
  }
}

void add_writes(IdleScene& scene) {
  const auto count = static_cast<NodeIndex>(scene.plan.nodes.size());
  const auto node = [&] { return *rc::gen::inRange<NodeIndex>(0, count); };
  const auto key = [] { return "k" + std::to_string(*rc::gen::inRange(0, kKeysOfIdleMesh)); };
  const auto writes = *rc::gen::inRange(1, 80);
  for (int i = 0; i < writes; ++i) {
    const Duration when = *between(10s, kWritten);
    const NodeIndex writer = node();
    if (*rc::gen::inRange(0, 3) > 0) {
      add(scene, when, SetStep{.node = writer, .key = key(), .value = std::to_string(i)});
    } else {
      add(scene, when, DeleteStep{.node = writer, .key = key()});
    }
  }
}

/// A clock jumps ahead, and is set right: what was written meanwhile waits at all others.
void add_future(IdleScene& scene) {
  const auto node = *rc::gen::inRange<NodeIndex>(0, static_cast<NodeIndex>(scene.plan.nodes.size()));
  const Duration jump = *between(2 * scene.skew, kLongest / 2);
  const Duration when = *between(20s, 40s);
  add(scene, when, ClockStep{.node = node, .jump = jump}, 10s);
  const auto writes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < writes; ++i) {
    const std::string key = "k" + std::to_string(*rc::gen::inRange(0, kKeysOfIdleMesh));
    add(scene, when + 2s + i * 1s, SetStep{.node = node, .key = key, .value = "later"});
    if (*rc::gen::arbitrary<bool>()) add(scene, when + 2'500ms + i * 1s, DeleteStep{.node = node, .key = key});
  }
}

/// One after the other. `complete`: with their disks, and nothing else was to be found at them.
void add_restarts(IdleScene& scene, bool complete) {
  const auto restarts = *rc::gen::inRange(1, 4);
  scene.restarts = true;
  Duration earliest = kWritten + kCatchesUp;
  for (int i = 0; i < restarts; ++i) {
    const Duration down = *between(1s, 30s);
    const Duration when = earliest + *between(0s, 30min);
    CrashStep crash{.node = *rc::gen::inRange<NodeIndex>(0, static_cast<NodeIndex>(scene.plan.nodes.size())),
                    .silent = *rc::gen::arbitrary<bool>(),
                    .disk = *rc::gen::element(DiskLeft::kAll, DiskLeft::kAll, DiskLeft::kIdentity, DiskLeft::kNothing)};
    if (crash.disk != DiskLeft::kAll || !complete) {
      scene.catching_up.push_back({.from = when, .until = when + down + kCatchesUp});
    }
    add(scene, when, crash, down);
    earliest = when + down + kCatchesUp;
  }
}

IdleScene any_idle_scene() {
  IdleScene scene;
  scene.plan.name = "quiet";
  scene.skew = *rc::gen::element<Duration>(1s, 5s, 30s);
  // The lease is 12 skews, and its margins take two more.
  scene.horizon = *between(15 * scene.skew, 40 * scene.skew);
  scene.kept_deletions = *rc::gen::element<std::uint64_t>(0, 3, limits::kMaxKeptDeletions);
  arrange(scene, *rc::gen::element(Shape::kPair, Shape::kLine, Shape::kRing));
  add_writes(scene);
  const bool future = *rc::gen::inRange(0, 3) == 0;
  if (future) add_future(scene);
  if (*rc::gen::arbitrary<bool>()) add_restarts(scene, !future);
  std::ranges::stable_sort(scene.plan.steps, {}, [](const Step& step) { return step.at.low; });
  scene.plan.quiet = kLongest;
  return scene;
}

/// When nodes may find that their sets differ, although nobody has written: each takes a tombstone out of its set by its
/// own clock, and its hybrid clock may be ahead by what another's is.
std::vector<Span> passing_the_horizon(const IdleScene& scene, const World& world) {
  const Duration looks_every = std::clamp<Duration>(scene.skew / 4, 100ms, limits::kSweepEvery);
  std::set<std::int64_t> written_ms;
  for (const auto& host : world.hosts()) {
    if (!host->up()) continue;
    for (const auto& [key, record] : host->engine().dictionary().records()) {
      if (!is_visible(record.version)) written_ms.insert(record.version.written.unix_ms());
    }
  }
  std::vector<Span> spans;
  for (const std::int64_t ms : written_ms) {
    const Duration written = std::chrono::milliseconds(ms) - kEpoch.time_since_epoch();
    const Duration leaves = written + scene.horizon - scene.skew;
    spans.push_back({.from = leaves - scene.skew, .until = leaves + scene.skew + looks_every + 2s});
  }
  return spans;
}

/// The same, because each takes what was from the future, and drops what that beats, when its own clock shows that its time has
/// come.
std::vector<Span> taking_what_was_from_the_future(const IdleScene& scene, const World& world) {
  std::vector<Span> spans;
  for (const auto& host : world.hosts()) {
    if (!host->up()) continue;
    const ReconcileSet& items = host->engine().dictionary().items();
    for (std::size_t rank = 0; rank < items.size(); ++rank) {
      const Duration written = std::chrono::milliseconds(items.at(rank).written.unix_ms()) - kEpoch.time_since_epoch();
      const Duration taken = written - scene.skew;
      if (written < kWritten + kCatchesUp) continue;
      spans.push_back({.from = taken - scene.skew, .until = taken + scene.skew + 2s});
    }
  }
  return spans;
}

bool within(const std::vector<Span>& spans, Duration when) {
  return std::ranges::any_of(spans, [when](const Span& span) { return span.from <= when && when <= span.until; });
}

/// What nodes say, as far as it must not be said once they hold the same.
class Listener {
 public:
  explicit Listener(bool only_small_talk) : only_small_talk_(only_small_talk) {}

  /// Why this may not be said; empty: it may.
  std::string hear(std::string_view node, const FrameLine& frame) {
    static const std::set<std::string_view> records = {"records", "store", "stored-entry"};
    static const std::set<std::string_view> small_talk = {"ping", "pong", "presence", "sync-question", "sync-answer"};
    if (records.contains(frame.kind)) return "a record";
    if (only_small_talk_ && !small_talk.contains(frame.kind)) return "what is no small talk";
    if (frame.kind == "sync-question") return hear_question(turns_[{frame.conn, std::string(node)}], frame.size);
    if (frame.kind == "sync-answer") return hear_answer(turns_[{frame.conn, frame.peer}], frame.size);
    return "";
  }

 private:
  /// Of one node's sessions with another. If all is the same: a question, an answer, and a question that closes.
  enum class Turn : std::uint8_t { kNone, kAsked, kAnswered, kClosed };

  static std::string hear_question(Turn& turn, std::uint64_t size) {
    turn = turn == Turn::kAnswered ? Turn::kClosed : Turn::kAsked;
    return size > (turn == Turn::kClosed ? kMostOfAnswer : kMostOfQuestion) ? "a long question" : "";
  }
  static std::string hear_answer(Turn& turn, std::uint64_t size) {
    const bool went_on = std::exchange(turn, Turn::kAnswered) == Turn::kClosed;
    return went_on ? "a second answer" : size > kMostOfAnswer ? "a long answer" : "";
  }

  bool only_small_talk_;
  std::map<std::pair<std::uint64_t, std::string>, Turn> turns_;
};

void check_what_was_said(const IdleScene& scene, const std::vector<Span>& differing, std::FILE* transcript) {
  const Duration from = kWritten + kCatchesUp;
  Listener listener(!scene.restarts);
  TranscriptReader reader(transcript, "transcript");
  TranscriptLine line;
  std::uint64_t comparisons = 0;
  for (auto more = reader.next(line); more.value(); more = reader.next(line)) {
    if (line.remark) continue;
    const auto frame = parse_frame_line(line.what);
    if (!frame || !frame->sent) continue;
    const std::string fault = listener.hear(line.node, *frame);
    if (line.at < from) continue;
    if (frame->kind == "sync-answer") ++comparisons;
    if (!fault.empty() && !within(differing, line.at)) RC_FAIL(fault + ": " + line.text);
  }
  const auto shortest_pauses = static_cast<std::uint64_t>(kLongest / (limits::kCompareEvery / 2));
  RC_ASSERT(comparisons > 0U);
  RC_ASSERT(comparisons < scene.plan.nodes.size() * shortest_pauses);
}

RC_GTEST_PROP(Quiet, NodesThatHoldTheSameCompareAndSayNothingElse, ()) {
  const IdleScene scene = *rc::gen::exec(any_idle_scene);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const Plan plan = expand(scene.plan, seed);
  const TestFile transcript = scratch_file();
  World world(plan, seed, {.transcript = transcript.get(), .sanity_every = 50});
  world.run_until(kWritten + kCatchesUp);
  std::vector<Span> differing = passing_the_horizon(scene, world);
  const std::vector<Span> taking = taking_what_was_from_the_future(scene, world);
  differing.insert(differing.end(), taking.begin(), taking.end());
  differing.insert(differing.end(), scene.catching_up.begin(), scene.catching_up.end());
  world.run_until(kLongest);
  for (const auto& host : world.hosts()) {
    const Dictionary& dictionary = host->engine().dictionary();
    RC_ASSERT(dictionary.records().size() - dictionary.size() <= scene.kept_deletions);
    RC_ASSERT(
        (dictionary.items().below(kAboveAll) == world.hosts().front()->engine().dictionary().items().below(kAboveAll)));
  }
  std::rewind(transcript.get());
  check_what_was_said(scene, differing, transcript.get());
}

}  // namespace
}  // namespace meshdict::test

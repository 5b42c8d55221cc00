// What it costs to heal: two engines that differ little in many keys meet, and every byte between them is counted. Nothing
// is timed, and every number is the same on every machine.
//
//     meshdict_heal_bytes [KEYS]          1,000,000 unless given
//
// Prints one line for each kind of difference: the frames and bytes of the session in both directions, as on the wire
// (size, hash and head of each frame included, compressed where the engine compresses), and its round trips. A question
// and its answer make one; the closing question needs no answer. What a new link costs whatever the two hold (handshake,
// hello, peers, presence, floors) stands beside it.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "core/encoding/frame.h"
#include "core/encoding/value.h"
#include "core/engine/engine.h"
#include "core/limits.h"
#include "core/messages/message.h"
#include "core/record/codec.h"

namespace meshdict {
namespace {

constexpr std::int64_t kStartMs = 1'800'000'000'000;
constexpr std::uint64_t kOwners = 10;

class StillClock final : public Clock {
 public:
  explicit StillClock(std::int64_t unix_ms) : wall_(std::chrono::milliseconds(unix_ms)) {}
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(1'000s); }
  [[nodiscard]] WallTime wall() const override { return wall_; }

 private:
  WallTime wall_;
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] RandomStream stream(std::string_view subsystem) const override {
    return RandomStream(derive_seed(seed_, subsystem));
  }

 private:
  std::uint64_t seed_;
};

/// Record `i` of a world in which every key was written once, a millisecond after the one before.
struct Written {
  std::string key;
  Raw value;
  Version version;
};
Written written(std::uint64_t i, const std::vector<NodeId>& owners) {
  Written one{.key = fmt::format("user:{:08x}", i * 2'654'435'761U),
              .value = bytes_value(fmt::format("value {}", i)),
              .version = {}};
  one.version = {.epoch = Epoch{1},
                 .claim_start = Hlc::from_ms(kStartMs + static_cast<std::int64_t>(i)),
                 .owner = owners[i % owners.size()],
                 .boot = Boot{std::uint64_t{1'800'000'000} << 32 | (i % owners.size())},
                 .sequence = Sequence{0},
                 .value_hash = sha256(one.value),
                 .written = Hlc::from_ms(kStartMs + static_cast<std::int64_t>(i))};
  return one;
}

/// What an earlier incarnation of a node has left: the records that `fill` makes.
class LeftBehind final : public Store {
 public:
  using Fill = std::function<void(const std::function<void(const Written&)>& add)>;
  explicit LeftBehind(Fill fill) : fill_(std::move(fill)) {}

  std::expected<void, StoreError> load(Table table, const Visitor& visit) override {
    if (table != Table::kRecords) return {};
    fill_([&](const Written& one) {
      visit(one.key, encode_record(one.version, one.value, record_hash(one.key, one.version)));
    });
    return {};
  }
  void put(Table, std::string_view, std::string_view) override {}
  void erase(Table, std::string_view) override {}
  std::expected<void, StoreError> commit() override { return {}; }

 private:
  Fill fill_;
};

class Deaf final : public Observer {
 public:
  void on_event(const Event&) override {}
};

/// The sending end of a pipe.
class Pipe final : public Transport {
 public:
  ConnId dial(const Endpoint&) override {
    dialed = true;
    return kConn;
  }
  void send(ConnId, const Frame& frame) override { sent.push_back(*frame.bytes); }
  [[nodiscard]] std::size_t queued(ConnId) const override { return 0; }
  void close(ConnId) override { fmt::print(stderr, "a connection was closed\n"), std::exit(1); }

  static constexpr ConnId kConn{1};
  bool dialed = false;
  std::deque<std::string> sent;
};

EngineConfig config_of(std::vector<Endpoint> join) {
  EngineConfig config;
  config.join = std::move(join);
  return config;
}

struct Side {
  Side(std::uint64_t seed, std::vector<Endpoint> join, LeftBehind::Fill fill, const Clock& clock)
      : random(seed), store(std::move(fill)), engine(config_of(std::move(join)), clock, pipe, store, random, observer) {
    if (const auto started = engine.start(); !started) {
      fmt::print(stderr, "{}\n", describe(started.error()));
      std::exit(1);
    }
  }
  SeededRandom random;
  LeftBehind store;
  Deaf observer;
  Pipe pipe;
  Engine engine;
};

struct Count {
  std::size_t frames = 0;
  std::size_t bytes = 0;
};
struct Cost {
  Count records;
  // With the records that it sends.
  Count session;
  Count link;
  std::size_t questions = 0;
};

void count(const std::string& frame, Cost& cost) {
  FrameDecoder decoder(limits::kMaxFrame);
  decoder.feed(frame);
  const auto opened = open_body(**decoder.next(), known_compressions());
  const auto envelope = decode_envelope(opened->plain.message);
  const auto message = decode_message(*envelope);
  const auto* question = std::get_if<SyncQuestion>(&*message);
  const bool is_records = std::holds_alternative<Records>(*message);
  const bool of_session = question != nullptr || is_records || std::holds_alternative<SyncAnswer>(*message);
  Count& total = of_session ? cost.session : cost.link;
  ++total.frames;
  total.bytes += frame.size();
  if (is_records) {
    ++cost.records.frames;
    cost.records.bytes += frame.size();
  }
  if (question != nullptr && !question->ranges.closing) ++cost.questions;
}

/// Links the two and carries what they say until neither has more to say.
Cost heal(Side& dialer, Side& acceptor, const Clock& clock) {
  Cost cost;
  const std::array<Side*, 2> sides{&dialer, &acceptor};
  acceptor.engine.on_accepted(Pipe::kConn, {"dialer", 1});
  dialer.engine.on_connected(Pipe::kConn);
  for (bool busy = true; busy;) {
    busy = false;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      while (!sides[i]->pipe.sent.empty()) {
        const std::string frame = std::move(sides[i]->pipe.sent.front());
        sides[i]->pipe.sent.pop_front();
        count(frame, cost);
        sides[1 - i]->engine.on_data(Pipe::kConn, frame);
        busy = true;
      }
      if (sides[i]->engine.next_deadline() > clock.monotonic()) continue;
      sides[i]->engine.on_time();
      busy = true;
    }
  }
  return cost;
}

struct Difference {
  std::string_view name;
  /// The records that each of the two adds to, or takes from, what both have.
  LeftBehind::Fill dialer;
  LeftBehind::Fill acceptor;
};

void report(std::uint64_t keys, const Difference& difference) {
  const StillClock clock(kStartMs + static_cast<std::int64_t>(keys) + 1'000);
  Side dialer(1, {{"acceptor", 1}}, difference.dialer, clock);
  Side acceptor(2, {}, difference.acceptor, clock);
  if (!dialer.pipe.dialed) {
    fmt::print(stderr, "nobody dialled\n");
    std::exit(1);
  }
  const Cost cost = heal(dialer, acceptor, clock);
  const auto& a = dialer.engine.dictionary().items();
  const auto& b = acceptor.engine.dictionary().items();
  const bool equal = a.below(kAboveAll) == b.below(kAboveAll);
  fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", difference.name, equal ? "yes" : "NO", cost.questions,
             cost.session.bytes, cost.records.bytes, cost.session.frames, cost.link.bytes);
  std::fflush(stdout);
}

}  // namespace

int run(std::uint64_t keys) {
  RandomStream random(7);
  std::vector<NodeId> owners;
  for (std::uint64_t i = 0; i < kOwners; ++i)
    owners.push_back(NodeId::generate(random));
  /// All but those from `first` on that are left out; of the first `rewritten` of every so-many one is written anew.
  const auto all_but = [&](std::uint64_t first, std::uint64_t left_out) -> LeftBehind::Fill {
    return [&owners, keys, first, left_out](const auto& add) {
      for (std::uint64_t i = 0; i < keys; ++i) {
        if (i < first || i >= first + left_out) add(written(i, owners));
      }
    };
  };
  const auto rewritten = [&](std::uint64_t number) -> LeftBehind::Fill {
    return [&owners, keys, number](const auto& add) {
      const std::uint64_t every = keys / number;
      for (std::uint64_t i = 0; i < keys; ++i) {
        Written one = written(i, owners);
        if (i % every == every / 2 && i / every < number) {
          one.value = bytes_value(fmt::format("changed {}", i));
          one.version.value_hash = sha256(one.value);
          one.version.sequence = next(one.version.sequence);
          one.version.written = Hlc::from_ms(kStartMs + static_cast<std::int64_t>(keys + i / every));
        }
        add(one);
      }
    };
  };
  const LeftBehind::Fill everything = all_but(0, 0);
  const std::vector<Difference> differences{
      {"none", everything, everything},
      {"1 new key", everything, all_but(keys - 1, 1)},
      {"1 old key", everything, all_but(keys / 3, 1)},
      {"1 old key, which only the asker lacks", all_but(keys / 3, 1), everything},
      {"1 key written anew", rewritten(1), everything},
      {"100 new keys", everything, all_but(keys - 100, 100)},
      {"100 new keys, which only the asker lacks", all_but(keys - 100, 100), everything},
      {"100 keys written anew", rewritten(100), everything},
  };
  fmt::print("| difference in {} keys | healed | round trips | bytes | of records | frames | bytes of the link |\n",
             keys);
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (const Difference& difference : differences)
    report(keys, difference);
  return 0;
}

}  // namespace meshdict

int main(int argc, char** argv) {
  const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  if (argc > 2 || keys < 1'000) {
    fmt::print(stderr, "usage: meshdict_heal_bytes [KEYS, at least 1000]\n");
    return 2;
  }
  return meshdict::run(keys);
}

// What a key costs in memory: fills a dictionary, overwrites it, deletes it, and prints the bytes allocated for each key
// over its key and value. Not timed; the figures in README.md here are its output.
//
//   meshdict_memory_report [KEYS]        1,000,000 without an argument

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/dictionary/dictionary.h"
#include "core/encoding/value.h"
#include "core/env/volatile_store.h"

namespace meshdict {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr std::size_t kOwners = 16;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] MonoTime monotonic() const override { return MonoTime(100'000s); }
  [[nodiscard]] WallTime wall() const override { return WallTime(std::chrono::milliseconds(kNow)); }
};

NodeId node(std::uint64_t seed) {
  RandomStream random(seed);
  return NodeId::generate(random);
}

/// Bytes in use, with what malloc adds to each block.
std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Bytes of the process that are in memory, with what malloc holds in reserve.
std::size_t resident() {
  std::size_t total = 0;
  std::size_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total >> resident_pages;
  return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// 16 to 31 bytes, and 8 to 23: of every remainder equally many, since malloc rounds up.
std::string key_of(std::uint32_t number) {
  return fmt::format("user:{:08}:eye{:.>{}}", number, "", number % 16);
}
std::string value_of(std::uint32_t number, std::uint64_t round) {
  return fmt::format("{:06}{:.>{}}", round, "", number / 16 % 16);
}

class Report {
 public:
  explicit Report(std::size_t keys)
      : keys_(keys), dictionary_({{}, node(1), Boot{1}}, clock_, store_, [](const DictionaryEvent&) {}) {
    for (std::size_t i = 0; i < kOwners; ++i)
      owners_.push_back(node(i + 2));
  }

  void run() {
    std::vector<std::uint32_t> order(keys_);
    for (std::size_t i = 0; i < keys_; ++i)
      order[i] = static_cast<std::uint32_t>(i);
    claimed_.resize(keys_);
    allocated_before_ = allocated();
    resident_before_ = resident();
    RandomStream random(1);
    for (const auto& [what, kind] : {std::pair{"written once", RecordKind::kValue},
                                     {"overwritten once", RecordKind::kValue},
                                     {"deleted", RecordKind::kTombstone}}) {
      random.shuffle(order);
      write_all(order, kind);
      print(what);
    }
  }

 private:
  /// As from the other nodes of a mesh, each of which has claimed its share of the keys.
  void write_all(const std::vector<std::uint32_t>& order, RecordKind kind) {
    user_bytes_ = 0;
    ++round_;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string key = key_of(order[i]);
      const std::string value = bytes_value(kind == RecordKind::kValue ? value_of(order[i], round_) : "");
      const Hlc now = Hlc::from_ms(kNow - 10'000'000 + static_cast<std::int64_t>(round_ * order.size() + i));
      if (round_ == 1) claimed_[order[i]] = now;
      const Version version{.epoch = Epoch{1},
                            .claim_start = claimed_[order[i]],
                            .owner = owners_[order[i] % kOwners],
                            .boot = Boot{1'800'000'000ULL << 32 | 77},
                            .sequence = Sequence{round_ - 1},
                            .value_hash = sha256(value),
                            .written = now,
                            .kind = kind};
      dictionary_.merge(key, value, version);
      user_bytes_ += key.size() + (kind == RecordKind::kValue ? value.size() : 0);
    }
  }

  void print(std::string_view what) {
    const auto of_a_key = [&](std::size_t bytes, std::size_t before) {
      return (static_cast<double>(bytes) - static_cast<double>(before + user_bytes_)) / static_cast<double>(keys_);
    };
    fmt::print("{:<17}{:>10} keys: {:.1f} bytes a key over {:.1f} of key and value, {:.1f} of the process\n", what,
               keys_, of_a_key(allocated(), allocated_before_),
               static_cast<double>(user_bytes_) / static_cast<double>(keys_), of_a_key(resident(), resident_before_));
  }

  std::size_t keys_;
  std::size_t allocated_before_ = 0;
  std::size_t resident_before_ = 0;
  FixedClock clock_;
  VolatileStore store_;
  Dictionary dictionary_;
  std::vector<NodeId> owners_;
  std::vector<Hlc> claimed_;
  std::uint64_t round_ = 0;
  std::size_t user_bytes_ = 0;
};

}  // namespace
}  // namespace meshdict

int main(int argc, char** argv) {
  std::size_t keys = 1'000'000;
  if (argc == 2) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    const auto read = std::from_chars(argv[1], end, keys);
    if (read.ec != std::errc() || read.ptr != end || keys == 0 || keys > 100'000'000) argc = 3;
  }
  if (argc > 2) {
    fmt::print(stderr, "usage: meshdict_memory_report [KEYS]\n");
    return 2;
  }
  meshdict::Report(keys).run();
}

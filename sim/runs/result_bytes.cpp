#include "sim/runs/result_bytes.h"

#include <cassert>
#include <type_traits>
#include <vector>

namespace meshdict::sim {
namespace {

class Writer {
 public:
  template <typename Plain>
  void plain(const Plain& value) {
    static_assert(std::is_trivially_copyable_v<Plain>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& text) {
    plain(text.size());
    bytes += text;
  }
  void texts(const std::vector<std::string>& list) {
    plain(list.size());
    for (const std::string& one : list)
      text(one);
  }

  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <typename Plain>
  Plain plain() {
    static_assert(std::is_trivially_copyable_v<Plain>);
    Plain value;
    const std::string_view bytes = take(sizeof value);
    bytes.copy(reinterpret_cast<char*>(&value), bytes.size());
    return value;
  }
  std::string text() { return std::string(take(plain<std::size_t>())); }
  std::vector<std::string> texts() {
    std::vector<std::string> list(plain<std::size_t>());
    for (std::string& one : list)
      one = text();
    return list;
  }

 private:
  std::string_view take(std::size_t size) {
    assert(size <= rest_.size());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace

std::string result_bytes(const RunResult& result) {
  Writer out;
  out.text(result.plan);
  out.plain(result.seed);
  out.plain(result.events);
  out.plain(result.simulated);
  out.plain(result.trace);
  out.plain(result.violation_count);
  out.plain(result.violations.size());
  for (const Violation& violation : result.violations) {
    out.text(violation.property);
    out.plain(violation.at);
    out.texts(violation.nodes);
    out.text(violation.what);
    out.plain(violation.line);
  }
  out.texts(result.idle_steps);
  out.plain(result.counters);
  return std::move(out.bytes);
}

RunResult result_of_bytes(std::string_view bytes) {
  Reader in(bytes);
  RunResult result;
  result.plan = in.text();
  result.seed = in.plain<std::uint64_t>();
  result.events = in.plain<std::uint64_t>();
  result.simulated = in.plain<Duration>();
  result.trace = in.plain<std::uint64_t>();
  result.violation_count = in.plain<std::uint64_t>();
  result.violations.resize(in.plain<std::size_t>());
  for (Violation& violation : result.violations) {
    violation.property = in.text();
    violation.at = in.plain<Duration>();
    violation.nodes = in.texts();
    violation.what = in.text();
    violation.line = in.plain<std::uint32_t>();
  }
  result.idle_steps = in.texts();
  result.counters = in.plain<Counters>();
  return result;
}

}  // namespace meshdict::sim

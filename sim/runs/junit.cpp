#include "sim/runs/junit.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/limits.h"
#include "sim/runs/report.h"
#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

/// Text of an attribute or an element: XML knows no control characters, not even escaped.
std::string escaped(const std::string& text) {
  std::string xml;
  for (const char c : visible_text(text)) {
    if (c == '&') {
      xml += "&amp;";
    } else if (c == '<') {
      xml += "&lt;";
    } else if (c == '>') {
      xml += "&gt;";
    } else if (c == '"') {
      xml += "&quot;";
    } else {
      xml += c;
    }
  }
  return xml;
}

}  // namespace

void JunitReport::add(const Tally& run) {
  if (run.passed) {
    ++passed_;
    return;
  }
  ++failed_;
  std::string xml = fmt::format("    <testcase classname=\"{}\" name=\"seed {}\">\n", escaped(run.plan), run.seed);
  for (const auto& [property, what] : run.failures) {
    xml +=
        fmt::format("      <failure type=\"{}\" message=\"{}\">replay: meshdict-sim {}</failure>\n", escaped(property),
                    escaped(failure_line(property, what)), escaped(replay_arguments(run.plan, run.seed)));
  }
  xml += "    </testcase>\n";
  cases_.insert(std::ranges::upper_bound(cases_, run.seed, {}, &Case::seed), {.seed = run.seed, .xml = std::move(xml)});
  if (cases_.size() > sim_limits::kMaxJunitCases) cases_.pop_back();
}

std::string JunitReport::text(const std::string& name) const {
  const std::size_t tests = cases_.size() + (passed_ > 0 ? 1 : 0);
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"meshdict-sim {}\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n",
      escaped(name), tests, cases_.size());
  if (passed_ > 0) {
    xml += fmt::format("    <testcase classname=\"{}\" name=\"{} seeds that passed\"/>\n", escaped(name), passed_);
  }
  for (const Case& one : cases_)
    xml += one.xml;
  if (failed_ > cases_.size()) {
    xml += fmt::format("    <system-out>{} more seeds failed</system-out>\n", failed_ - cases_.size());
  }
  return xml + "  </testsuite>\n</testsuites>\n";
}

}  // namespace meshdict::sim

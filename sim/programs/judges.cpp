#include "sim/programs/judges.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include "sim/trace/trace.h"

namespace meshdict::sim {
namespace {

/// What a check that throws has to say.
std::optional<std::string> ask(Check& check, const View& view) {
  try {
    return check(view);
  } catch (const std::exception& error) {
    return fmt::format("the check has thrown: {}", error.what());
  }
}

}  // namespace

Judges::Judges(const std::vector<Oracle>& oracles, const View& view, Findings& findings,
               std::chrono::microseconds until)
    : view_(view), findings_(findings), until_(until) {
  for (const Oracle& oracle : oracles)
    judges_.push_back({.oracle = &oracle, .check = oracle.check, .wrong = "it was never looked at"});
}

void Judges::look(std::chrono::microseconds settled) {
  for (Judge& one : judges_) {
    if (one.done || one.oracle->when == Oracle::When::kAtEnd) continue;
    auto wrong = ask(one.check, view_);
    if (one.oracle->when == Oracle::When::kAlways) {
      if (wrong) report(one, *std::move(wrong));
    } else if (wrong) {
      one.wrong = *std::move(wrong);
    } else if (view_.now() >= settled) {
      one.done = true;
    }
  }
}

void Judges::pass(std::chrono::microseconds settled) {
  for (Judge& one : judges_) {
    const bool waits = !one.done && one.oracle->when == Oracle::When::kEventually;
    if (waits && view_.now() > std::min(settled + one.oracle->bound, until_)) report_late(one, settled);
  }
}

void Judges::at_end(std::chrono::microseconds settled) {
  for (Judge& one : judges_) {
    if (one.done || one.oracle->when == Oracle::When::kAlways) continue;
    if (one.oracle->when == Oracle::When::kEventually) {
      report_late(one, settled);
    } else if (auto wrong = ask(one.check, view_)) {
      report(one, *std::move(wrong));
    }
  }
}

void Judges::report_late(Judge& one, std::chrono::microseconds settled) {
  const auto had = std::min(one.oracle->bound, until_ - settled);
  const std::string_view why = had < one.oracle->bound ? ", when programs end (see programs_until)" : "";
  report(one, fmt::format("not within {} s of the plan's last step, at {} s{}: {}", seconds_text(had),
                          seconds_text(settled), why, one.wrong));
}

void Judges::report(Judge& one, std::string what) {
  one.done = true;
  std::vector<std::string> nodes;
  if (!view_.new_notes().empty()) nodes.push_back(view_.new_notes().back().node);
  findings_.add(one.oracle->name, std::move(nodes), std::move(what));
}

}  // namespace meshdict::sim

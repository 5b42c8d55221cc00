#pragma once
// Histories for tests: of plans that are run, and of transcripts written by hand.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "sim/picture/history_reader.h"
#include "sim/plan/yaml/plan.h"
#include "sim/world/world.h"

namespace meshdict::sim {

using TestFile = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

inline TestFile scratch_file(const std::string& text = "") {
  TestFile file(std::tmpfile(), &std::fclose);
  std::fwrite(text.data(), 1, text.size(), file.get());
  std::rewind(file.get());
  return file;
}

/// All that has been written to the file.
inline std::string text_of(std::FILE* file) {
  std::fseek(file, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  return text;
}

inline std::string transcript_of(const std::string& yaml, std::uint64_t seed = 1) {
  const auto plan = load_plan(yaml, "f.yaml");
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().front());
  const TestFile file = scratch_file();
  if (plan) run_plan(*plan, seed, {.transcript = file.get(), .sanity_every = 0});
  return text_of(file.get());
}

/// Empty, and a failed test, when the transcript is not good.
inline History history_of(const std::string& transcript, const HistoryLimits& limits = {}) {
  const TestFile file = scratch_file(transcript);
  auto history = read_history(file.get(), "t", limits);
  EXPECT_TRUE(history.has_value()) << history.error();
  return history ? *std::move(history) : History();
}

}  // namespace meshdict::sim

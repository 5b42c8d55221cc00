// What a node is told by its command line, its environment and a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/config_file.h"
#include "app/config_keeper.h"
#include "app/known_options.h"
#include "app/options.h"

namespace meshdict {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() : directory_(std::filesystem::path(testing::TempDir()) / "meshdict_options") {
    std::filesystem::create_directories(directory_);
  }
  ~OptionsTest() override {
    for (const std::string& name : variables_)
      ::unsetenv(name.c_str());
    std::filesystem::remove_all(directory_);
  }

  std::string file(const std::string& content) {
    const std::string path = directory_ / "node.yaml";
    std::ofstream(path) << content;
    return path;
  }
  void variable(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    variables_.push_back(name);
  }

  static Options good(std::vector<std::string> words) {
    auto parsed = parse_options(std::move(words));
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
      ADD_FAILURE() << exit->err;
      return {};
    }
    return std::get<Options>(std::move(parsed));
  }
  /// The one line that says what is wrong.
  static std::string error(std::vector<std::string> words) {
    const auto parsed = parse_options(std::move(words));
    const auto* exit = std::get_if<EarlyExit>(&parsed);
    if (exit == nullptr) return "taken";
    EXPECT_EQ(exit->code, 2);
    return exit->err;
  }

 private:
  std::filesystem::path directory_;
  std::vector<std::string> variables_;
};

TEST_F(OptionsTest, AFileSaysWhatTheCommandLineDoes) {
  const std::string path = file(
      "# a node\n"
      "listen: '[::1]:7000'\n"
      "join: [one:1, two:2]\n"
      "leasing: off\n"
      "lease-seconds: 60\n"
      "log-level: Debug\n"
      "network: ''\n");
  const Options options = good({"--config", path});
  EXPECT_EQ(options.listen, (Endpoint{"::1", 7000}));
  EXPECT_THAT(options.join, ElementsAre(Endpoint{"one", 1}, Endpoint{"two", 2}));
  EXPECT_EQ(options.mesh.leasing, Leasing::kOff);
  EXPECT_EQ(options.mesh.lease, std::chrono::seconds(60));
  EXPECT_EQ(options.log_level, LogLevel::kDebug);
  EXPECT_EQ(options.network, "");
}

TEST_F(OptionsTest, TheCommandLineCountsBeforeTheEnvironmentAndThatBeforeTheFile) {
  const std::string path = file("network: file\nresp: 127.0.0.1:1\njoin: file:1\nlog-level: error\n");
  variable("MESHDICT_NETWORK", "environment");
  variable("MESHDICT_RESP", "127.0.0.1:2");
  variable("MESHDICT_JOIN", "one:1, two:2");
  variable("MESHDICT_CONFIG", path);
  const Options options = good({"--network", "line"});
  EXPECT_EQ(options.network, "line");
  EXPECT_EQ(options.resp, (Endpoint{"127.0.0.1", 2}));
  EXPECT_THAT(options.join, ElementsAre(Endpoint{"one", 1}, Endpoint{"two", 2}));
  EXPECT_EQ(options.log_level, LogLevel::kError);
}

TEST_F(OptionsTest, AFlagIsOnOrOffInAFile) {
  EXPECT_TRUE(good({"--config", file("open: on\nlisten: 0.0.0.0:0\n")}).security.open);
  EXPECT_FALSE(good({"--config", file("open: off\n")}).security.open);
  EXPECT_THAT(error({"--config", file("open: perhaps\n")}),
              HasSubstr("node.yaml:1:1: 'perhaps' is neither on nor off"));
}

TEST_F(OptionsTest, AMistakeIsToldWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"listen: 127.0.0.1:0\n  lisen: x\n", "node.yaml:2:8: this is no YAML: "},
      {"lisen: 127.0.0.1:0\n", "node.yaml:1:1: lisen: no such option, did you mean listen?"},
      {"network: a\n\nnetwork: b\n", "node.yaml:3:1: network stands here a second time"},
      {"min-neighbours: 257\n", "node.yaml:1:1: '257' is not a number from 0 to 256"},
      {"\nlease-seconds: 1\n", "node.yaml:2:1: '1' is not a number from 5 to 86400"},
      {"listen: [a:1, b:2]\n", "node.yaml:1:1: given twice"},
      {"listen:\n", "node.yaml:1:1: there is no value"},
      {"resp: {host: a}\n", "node.yaml:1:7: this is a map, expected a value or a list of values"},
      {"join: [[a:1]]\n", "node.yaml:1:8: this is a list, expected a value"},
      {"- listen\n", "node.yaml:1:1: this is a list, expected lines such as 'listen: HOST:PORT'"},
      {"make-key: /x\n", "node.yaml:1:1: make-key: only for the command line"},
      {"config: other.yaml\n", "node.yaml:1:1: config: only for the command line"},
      {"settle-ms: 5\n", "node.yaml:1:1: settle-ms: no such option"},
  };
  for (const auto& [content, says] : cases) {
    const std::string line = error({"--config", file(content)});
    EXPECT_THAT(line, HasSubstr(says));
    EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
  }
  EXPECT_THAT(error({"--config", "/nowhere/node.yaml"}), HasSubstr("--config: '/nowhere/node.yaml' cannot be opened"));
  EXPECT_THAT(error({"--config", file(std::string(kMaxConfigFile + 1, '#'))}), HasSubstr("--config: "));
  EXPECT_THAT(error({"--config", file(std::string(100'000, '['))}), HasSubstr("this is no YAML"));
  EXPECT_THAT(error({"--config", ""}), HasSubstr("--config: the name of a file is empty"));
  variable("MESHDICT_LEASE_SECONDS", "many");
  EXPECT_THAT(error({}), HasSubstr("MESHDICT_LEASE_SECONDS: 'many' is not a number"));
}

TEST_F(OptionsTest, WhatIsSaidTogetherIsLookedAtWhereverItStands) {
  EXPECT_THAT(error({"--config", file("durability: interval\n")}), HasSubstr("--durability: needs --data-dir"));
  EXPECT_EQ(good({"--config", file("durability: interval\n"), "--data-dir", "d"}).durability, Durability::kInterval);
  EXPECT_THAT(error({"--config", file("listen: 0.0.0.0:1\n")}), HasSubstr("--open"));
}

TEST_F(OptionsTest, AMisspeltVariableIsAWarning) {
  variable("MESHDICT_DATADIR", "/srv");
  variable("MESHDICT_SERVICE_HOST", "10.0.0.1");
  EXPECT_THAT(good({}).warnings, ElementsAre(HasSubstr("MESHDICT_DATADIR is no option and is not looked at, did you "
                                                       "mean MESHDICT_DATA_DIR?")));
}

TEST_F(OptionsTest, WhatIsPrintedSaysTheSameAgain) {
  const std::vector<std::string> words = {"--listen", "[::1]:7",    "--join",       "a:1",    "--join",
                                          "b:2",      "--network",  "x # y: 'z'\n", "--open", "--leasing",
                                          "OFF",      "--data-dir", "~/a b"};
  const auto print = [](std::vector<std::string> with) {
    with.emplace_back("--print-config");
    auto parsed = parse_options(std::move(with));
    return std::get<EarlyExit>(parsed).out;
  };
  const std::string printed = print(words);
  EXPECT_THAT(printed, HasSubstr("join: [a:1, b:2]  # the command line\n"));
  EXPECT_THAT(printed, HasSubstr("lease-seconds: 3600  # the default\n"));
  const Options again = good({"--config", file(printed)});
  EXPECT_EQ(again.effective, good(words).effective);
}

RC_GTEST_PROP(ConfigFile, WhatAPersonWritesNeverCrashesIt, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
      std::vector<std::string>{"listen", "join", ": ", "[",      "]",  "{", "}",   "\n",   "- ",   "'",
                               "\"",     "&a ",  "*a", "!!int ", "\t", "#", "a:1", "\x01", "\xFF", "? "}));
  std::string content;
  for (const std::string& piece : pieces)
    content += piece;
  const auto entries = parse_config(content, "f");
  if (!entries) RC_ASSERT(entries.error().starts_with("f:"));
}

RC_GTEST_PROP(ConfigFile, ALineIsReadAsItWasMeant, (const std::vector<std::string>& drawn)) {
  std::vector<std::string> values;
  for (const std::string& value : drawn) {
    // YAML has no way to write every control character as a text.
    if (std::ranges::all_of(value, [](unsigned char c) { return c >= 0x20 && c < 0x7F; })) values.push_back(value);
  }
  RC_PRE(!values.empty());
  const auto entries = parse_config(config_line("join", values, "somebody"), "f");
  RC_ASSERT(entries.has_value());
  RC_ASSERT(entries->size() == 1u);
  RC_ASSERT(entries->front().values == values);
}

TEST_F(OptionsTest, BoundsAreSizesWithUnitsAndHaveALowWaterMark) {
  const BoundSizes bounds =
      good({"--max-memory", "120MB", "--data-dir", "d", "--max-disk", "2g", "--low-water", "50"}).bounds;
  EXPECT_EQ(bounds.of_memory().most, 120U * 1024 * 1024);
  EXPECT_EQ(bounds.of_memory().low, 60U * 1024 * 1024 - 10);  // whole hundredths
  EXPECT_EQ(bounds.of_disk().most, 2'000'000'000U);
  EXPECT_FALSE(good({}).bounds.of_memory().bounded());
  for (const char* text : {"1048576", "1024kb", "1MiB", "1049k"})
    EXPECT_GE(good({"--max-memory", text}).bounds.memory, 1'048'576U) << text;
  EXPECT_THAT(error({"--max-memory", "much"}),
              HasSubstr("--max-memory: 'much' is not a size such as 100000000, 120MB"));
  EXPECT_THAT(error({"--max-memory", "99999999999gb"}), HasSubstr("is not a size"));
  EXPECT_THAT(error({"--max-memory", "-1"}), HasSubstr("is not a size"));
  EXPECT_THAT(error({"--max-memory", "1mbit"}), HasSubstr("is not a size"));
  EXPECT_THAT(error({"--max-memory", "1000"}), HasSubstr("1000 bytes are too few: 1048576 at least, or 0"));
  EXPECT_THAT(error({"--max-disk", "10mb"}), HasSubstr("--max-disk: needs --data-dir"));
}

TEST_F(OptionsTest, ABoundKeepsItsStateBetweenItsMarks) {
  constexpr WaterMarks kMarks{.most = 100, .low = 90};
  EXPECT_FALSE(kMarks.is_full(99, false));
  EXPECT_TRUE(kMarks.is_full(100, false));
  EXPECT_TRUE(kMarks.is_full(91, true));
  EXPECT_FALSE(kMarks.is_full(90, true));
  EXPECT_FALSE(WaterMarks().is_full(~std::uint64_t{0}, true));
}

TEST_F(OptionsTest, AFileReadAgainSaysWhatIsInForceAndWhatWaits) {
  const std::string path = file("log-level: info\njoin: [a:1, b:2]\nlease-seconds: 60\n");
  ConfigKeeper keeper(good({"--config", path}));
  ASSERT_TRUE(keeper.load());
  file("log-level: debug\njoin: [b:2, c:3]\nlease-seconds: 70\nmax-memory: 3mb\n");
  ASSERT_TRUE(keeper.load_again());
  const ConfigChange change = keeper.take_change();
  EXPECT_EQ(change.log_level, LogLevel::kDebug);
  EXPECT_THAT(change.join, ElementsAre(Endpoint{"c", 3}));
  EXPECT_THAT(change.join_no_more, ElementsAre(Endpoint{"a", 1}));
  EXPECT_EQ(change.bounds.memory, 3U * 1024 * 1024);
  EXPECT_THAT(change.applied, UnorderedElementsAre("join", "log-level", "max-memory"));
  EXPECT_THAT(change.waiting, ElementsAre("lease-seconds"));
  // What waits goes on to wait, and is told again; what is in force is not.
  ASSERT_TRUE(keeper.load_again());
  const ConfigChange again = keeper.take_change();
  EXPECT_TRUE(again.applied.empty() && again.join.empty() && again.join_no_more.empty());
  EXPECT_THAT(again.waiting, ElementsAre("lease-seconds"));
  file("log-level: loud\n");
  const auto refused = keeper.load_again();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("the configuration stays as it was: "));
  EXPECT_THAT(refused.error(), HasSubstr("node.yaml:1:1: 'loud' is not one of"));
}

}  // namespace
}  // namespace meshdict

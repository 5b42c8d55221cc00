// What is done to the data directory of a node that does not run: checks, exports, imports, and damaged records that are set aside.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "app/offline/check.h"
#include "app/offline/engine_alone.h"
#include "app/offline/json_lines.h"
#include "app/offline/set_aside.h"
#include "app/offline/transfer.h"
#include "core/encoding/value.h"
#include "store/data_network.h"

namespace meshdict {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Offline : public testing::Test {
 protected:
  Offline() {
    std::string name = (fs::temp_directory_path() / "meshdict-offline-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Offline() override {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] DataPlace place(const std::string& name = "data") const {
    return {.directory = (path_ / name).string(), .durability = Durability::kAlways, .config = {}};
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

  /// A node's data with these keys, and one that was deleted; `damaged`: a record that makes no sense.
  void fill(const std::vector<std::string>& keys, const std::string& damaged = "") {
    auto store = open_for_network(place().directory, Durability::kAlways, {});
    ASSERT_TRUE(store) << store.error().describe();
    EngineAlone alone({}, **store);
    ASSERT_TRUE(alone.engine().start());
    for (const std::string& key : keys)
      ASSERT_TRUE(alone.engine().set(key, bytes_value("value of " + key)));
    ASSERT_TRUE(alone.engine().set("deleted", bytes_value("v")));
    ASSERT_TRUE(alone.engine().erase("deleted"));
    if (!damaged.empty()) (*store)->put(Table::kRecords, damaged, "\x01");
    ASSERT_TRUE((*store)->commit());
    ASSERT_TRUE((*store)->close());
  }
  [[nodiscard]] static std::string read(const std::string& path) {
    std::ifstream from(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    return file(name);
  }

  fs::path path_;
};

TEST_F(Offline, ACheckTellsWhatThereIs) {
  EXPECT_THAT(check_data(place().directory).error().describe(), HasSubstr("No such file or directory"));
  EXPECT_FALSE(fs::exists(place().directory)) << "what is looked for is not made";
  fill({"a", "b"});
  const auto found = check_data(place().directory);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->advice, "");
  EXPECT_THAT(found->lines, AllOf(Contains("records: 2 keys, 1 deletions, 0 damaged"),
                                  Contains("network: sync, leasing on"), Contains("last end: in good order")));
  const auto used = open_for_network(place().directory, Durability::kAlways, {});
  EXPECT_THAT(check_data(place().directory).error().describe(), HasSubstr("another node uses it"));
}

TEST_F(Offline, ACheckNamesEachDamagedRecord) {
  fill({"a", "b"}, "c");
  auto found = check_data(place().directory);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_THAT(found->lines, Contains(HasSubstr("damaged: meshdict.db: record of key 'c': ")));
  EXPECT_THAT(found->lines, Contains("records: 2 keys, 1 deletions, 1 damaged"));
  EXPECT_THAT(found->advice, HasSubstr("--repair-from-mesh"));
}

TEST_F(Offline, ACheckReadsAllElseAsANodeDoes) {
  fill({"a"});
  {
    auto store = open_for_network(place().directory, Durability::kAlways, {});
    ASSERT_TRUE(store);
    (*store)->put(Table::kMeta, kMetaNodeId, "0 is no digit");
    ASSERT_TRUE((*store)->commit() && (*store)->close());
  }
  const auto found = check_data(place().directory);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_THAT(found->lines, Contains(HasSubstr("damaged: meshdict.db: the stored node id is damaged")));
  EXPECT_THAT(found->advice, AllOf(HasSubstr("--restore"), testing::Not(HasSubstr("--repair-from-mesh"))));
}

TEST_F(Offline, AnExportComesBack) {
  fill({"a", std::string("\xFF\n\0", 3)});
  const auto exported = export_lines(place(), file("out"));
  ASSERT_TRUE(exported) << exported.error();
  EXPECT_EQ(*exported, "2 keys exported\n");
  EXPECT_EQ(fs::status(file("out")).permissions(), fs::perms(0600));
  const std::string lines = read(file("out"));
  const auto again = export_lines(place(), file("out"));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error(), HasSubstr("is there already"));
  const auto imported = import_lines(place("other"), file("out"));
  ASSERT_TRUE(imported) << imported.error();
  EXPECT_THAT(*imported, HasSubstr("2 keys imported: node "));
  ASSERT_TRUE(export_lines(place("other"), file("back")));
  EXPECT_EQ(read(file("back")), lines);
}

TEST_F(Offline, AnImportIsAllOrNothing) {
  const std::string good = json_line("a", bytes_value("1")) + "\n" + json_line("b", bytes_value("2"));
  const auto wrong = import_lines(place(), write("wrong", good + "{}\n"));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error(), AllOf(HasSubstr(file("wrong") + "', line 4: "), HasSubstr("nothing was imported")));
  ASSERT_TRUE(import_lines(place(), write("empty", "")));
  EXPECT_EQ(check_data(place().directory)->lines.back(), "last end: in good order");
  EXPECT_THAT(check_data(place().directory)->lines, Contains("records: 0 keys, 0 deletions, 0 damaged"));
  // The last line may lack its end.
  ASSERT_TRUE(import_lines(place(), write("good", good.substr(0, good.size() - 1))));
  EXPECT_THAT(check_data(place().directory)->lines, Contains("records: 2 keys, 0 deletions, 0 damaged"));
  const std::string no_value = R"({"key":"k","type":"msgpack","value_base64":"wQ=="})";
  EXPECT_THAT(import_lines(place(), write("bad", no_value)).error(), HasSubstr("line 1: key 'k': "));
  EXPECT_THAT(import_lines(place(), write("long", std::string(33 << 20, 'x'))).error(),
              HasSubstr("line 1: it has more than"));
  EXPECT_THAT(import_lines(place(), file("missing")).error(), HasSubstr("cannot be read: No such file"));
}

TEST_F(Offline, AnImportLeavesWhatAnotherHolds) {
  fill({"a"});
  {
    // The same data, as another node's.
    auto store = open_for_network(place().directory, Durability::kAlways, {});
    ASSERT_TRUE(store);
    (*store)->erase(Table::kMeta, kMetaNodeId);
    ASSERT_TRUE((*store)->commit() && (*store)->close());
  }
  const auto refused =
      import_lines(place(), write("in", json_line("b", bytes_value("1")) + json_line("a", bytes_value("1"))));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), AllOf(HasSubstr("line 2: key 'a'"), HasSubstr("holds")));
  EXPECT_THAT(check_data(place().directory)->lines, Contains("records: 1 keys, 1 deletions, 0 damaged"));
}

TEST_F(Offline, DamagedRecordsAreSetAsideAndKept) {
  fill({"a"}, "b");
  auto store = open_for_network(place().directory, Durability::kAlways, {});
  ASSERT_TRUE(store);
  const auto aside = set_damaged_aside(**store, place().directory);
  ASSERT_TRUE(aside) << aside.error().describe();
  EXPECT_EQ(*aside, 1U);
  const std::string path = place().directory + "/" + std::string(kSetAsideFile);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
  const auto line = nlohmann::json::parse(read(path));
  EXPECT_EQ(line["key_base64"], "Yg==");
  EXPECT_EQ(line["stored_base64"], "AQ==");
  EXPECT_EQ(*set_damaged_aside(**store, place().directory), 0U);
  EngineAlone alone({}, **store);
  ASSERT_TRUE(alone.engine().start());
  EXPECT_TRUE(alone.engine().dictionary().find("a"));
  EXPECT_FALSE(alone.engine().dictionary().find("b"));
}

TEST_F(Offline, NothingIsTakenOutThatCannotBeKept) {
  fill({"a"}, "b");
  fs::create_directory(place().directory + "/" + std::string(kSetAsideFile));
  auto store = open_for_network(place().directory, Durability::kAlways, {});
  ASSERT_TRUE(store);
  const auto aside = set_damaged_aside(**store, place().directory);
  ASSERT_FALSE(aside);
  EXPECT_THAT(aside.error().describe(), AllOf(HasSubstr(std::string(kSetAsideFile)), HasSubstr("cannot be written")));
  std::size_t records = 0;
  ASSERT_TRUE((*store)->load(Table::kRecords, [&](auto, auto) { ++records; }));
  EXPECT_EQ(records, 3U);
}

}  // namespace
}  // namespace meshdict

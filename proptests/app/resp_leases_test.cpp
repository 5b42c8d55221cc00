// Leases that are given up, broken and listed, and members that are removed or leave: what a Redis client asks for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>

#include "proptests/app/resp_fixture.h"

namespace meshdict {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(RespLeases, ALeaseIsGivenUpByItsHolder) {
  JoinedNodes nodes;
  nodes.first.run({"SET", "k", "v"});
  nodes.settle();
  const auto before = array_elements(nodes.first.run({"LEASE", "k"}));
  EXPECT_EQ(nodes.second.run({"LEASE", "RELEASE", "k"}), ":0\r\n");
  EXPECT_THAT(nodes.second.run({"SET", "k", "w"}), StartsWith("-LEASED"));
  EXPECT_EQ(nodes.first.run({"LEASE", "RELEASE", "k"}), ":1\r\n");
  EXPECT_EQ(nodes.first.run({"LEASE", "RELEASE", "k"}), ":0\r\n");
  EXPECT_THAT(nodes.first.run({"LEASE", "k"}), HasSubstr("released"));
  nodes.settle();
  EXPECT_EQ(nodes.second.run({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(nodes.second.run({"SET", "k", "w"}), "+OK\r\n");
  EXPECT_GT(array_elements(nodes.second.run({"LEASE", "k"})).back(), before.back());
}

TEST(RespLeases, AnOperatorBreaksOne) {
  JoinedNodes nodes;
  nodes.first.run({"SET", "k", "v"});
  nodes.settle();
  EXPECT_EQ(nodes.first.run({"LEASE", "BREAK", "k"}), ":0\r\n");
  EXPECT_EQ(nodes.second.run({"LEASE", "BREAK", "none"}), ":0\r\n");
  EXPECT_EQ(nodes.second.run({"LEASE", "BREAK", "k"}), ":1\r\n");
  nodes.settle();
  EXPECT_THAT(nodes.first.run({"SET", "k", "w"}), StartsWith("-LEASED"));
  EXPECT_THAT(nodes.first.run({"LEASE", "k"}), HasSubstr("lost"));
  EXPECT_EQ(nodes.first.run({"GET", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(nodes.second.run({"SET", "k", "w"}), "+OK\r\n");
}

TEST(RespLeases, AreListedPageByPage) {
  JoinedNodes nodes;
  for (const std::string key : {"a", "b", "c"})
    nodes.first.run({"SET", key, "v"});
  nodes.settle();
  nodes.second.run({"SET", "d", "v"});
  nodes.first.run({"LEASE", "RELEASE", "b"});
  nodes.settle();
  const std::string first_id = array_elements(nodes.first.run({"LEASE", "a"}))[1];
  const std::string all = nodes.second.run({"LEASE", "LIST", "0"});
  EXPECT_THAT(all, StartsWith("*2\r\n$1\r\n0\r\n*3\r\n*16\r\n$3\r\nkey\r\n$1\r\na\r\n"));
  EXPECT_THAT(nodes.second.run({"LEASE", "LIST", "0", "OWNER", first_id}), StartsWith("*2\r\n$1\r\n0\r\n*2\r\n"));
  // A page looks at so many keys, held or not, and the next goes on behind them.
  std::size_t found = 0;
  std::size_t pages = 0;
  std::string cursor = "0";
  do {
    auto [next, page] = nodes.second.scan({"LEASE", "LIST", cursor, "COUNT", "1"});
    cursor = std::move(next);
    found += page.size();
    ++pages;
  } while (cursor != "0" && pages < 10);
  EXPECT_EQ(found, 3U);
  EXPECT_EQ(pages, 4U);
  EXPECT_EQ(nodes.second.run({"LEASE", "LIST", "12345"}),
            "-ERR invalid cursor: unknown to this node, or forgotten; start again with 0\r\n");
  EXPECT_THAT(nodes.second.run({"LEASE", "LIST", "0", "OWNER", "!"}), StartsWith("-ERR not a node id"));
  EXPECT_EQ(nodes.second.run({"LEASE", "LIST", "0", "COUNT"}), "-ERR syntax error\r\n");
}

TEST(RespMembers, AreListedAndRemoved) {
  JoinedNodes nodes;
  EXPECT_THAT(nodes.second.run({"MESH", "REMOVE", "!"}), StartsWith("-ERR not a node id"));
  EXPECT_EQ(nodes.second.run({"MESH", "REMOVE", std::string(nodes.second.engine.id().text())}),
            "-ERR this is our own id; MESH LEAVE ends this node\r\n");
  EXPECT_EQ(nodes.second.run({"MESH", "REMOVE", std::string(nodes.first.engine.id().text()), "1"}),
            "-ERR a member is removed for 5 to 86400 seconds\r\n");
  EXPECT_EQ(nodes.second.run({"MESH", "REMOVE", std::string(nodes.first.engine.id().text())}), "+OK\r\n");
  nodes.settle();
  EXPECT_EQ(nodes.second.engine.neighbour_count(), 0U);
}

TEST(RespMembers, ANodeThatLeavesGivesUpItsLeasesFirst) {
  JoinedNodes nodes;
  nodes.first.run({"SET", "k", "v"});
  bool ended = false;
  nodes.first.service.end_node = [&] { ended = true; };
  EXPECT_EQ(nodes.first.run({"MESH", "LEAVE"}), "+OK\r\n");
  EXPECT_TRUE(ended);
  EXPECT_EQ(nodes.first.run({"SET", "late", "v"}),
            "-ERR this node leaves the mesh for good (MESH LEAVE), and takes no writes any more\r\n");
  EXPECT_EQ(nodes.first.run({"GET", "k"}), "$1\r\nv\r\n");
  nodes.settle();
  EXPECT_EQ(nodes.second.run({"SET", "k", "w"}), "+OK\r\n");
}

}  // namespace
}  // namespace meshdict

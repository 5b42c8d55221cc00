#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meshdict/meshdict.h"
#include "proptests/programs/programs_fixture.h"
#include "sim/programs/examples/elect.h"

namespace meshdict {
namespace {

using namespace std::chrono_literals;
using test::run_programs;
using test::wrong_in;

/// Says when it goes.
struct Guard {
  std::vector<std::string>& into;
  Machine& machine;
  SyncSocket& socket;
  ~Guard() {
    into.emplace_back("unwound");
    try {
      machine.note("after", "the crash");
      socket.set("k", "too late");
      into.emplace_back("written");
    } catch (const SocketClosed&) {
      into.emplace_back("closed");
    }
  }
};

TEST(ProgramFaults, ACrashUnwindsAndARestartBeginsAtTheFirstLine) {
  std::vector<std::string> story;
  const auto result = run_programs(
      "nodes: [{name: ada, program: p}]\nprograms_until: 60s\nquiet: 10s\nsteps:\n  - {at: 10s, crash: {node: ada, "
      "for: 5s}}\n",
      {{"p",
        [&](Machine& machine) {
          story.emplace_back("begins");
          SyncSocket socket = machine.socket();
          const Guard guard{story, machine, socket};
          try {
            machine.sleep_for(1h);
          } catch (const std::exception&) {
            story.emplace_back("not to be caught");
          }
          story.emplace_back("not to be reached");
        }}},
      1, {sim::always("silence", [](const sim::View& view) {
        return view.notes().empty() ? std::nullopt : std::optional<std::string>("a note after the crash");
      })});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_EQ(story, (std::vector<std::string>{"begins", "unwound", "closed", "begins", "unwound", "closed"}));
}

TEST(ProgramFaults, ACrashUnwindsHandlersBeforeTheirSocket) {
  std::vector<std::string> story;
  struct Says {
    std::vector<std::string>& into;
    const char* what;
    ~Says() { into.emplace_back(what); }
  };
  run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 20s\nsteps:\n  - {at: 10s, crash: {node: ada}}\n",
               {{"p", [&](Machine& machine) {
                   SyncSocket socket = machine.socket();
                   const Says says{story, "program"};
                   socket.on<event::Update>([&](SyncSocket&, const std::string&, const Value&, const Meta&) {
                     const Says handler{story, "handler"};
                     machine.sleep_for(1h);
                   });
                   socket.on<event::Update>([&](SyncSocket&, const std::string&, const Value&, const Meta&) {
                     story.emplace_back("another handler");
                   });
                   socket.set("k", 1);
                   machine.sleep_for(1h);
                 }}});
  EXPECT_EQ(story, (std::vector<std::string>{"handler", "program"}));
}

TEST(ProgramFaults, ACrashReachesAProgramWithoutASocket) {
  int begun = 0;
  bool went_on = false;
  run_programs(
      "nodes: [{name: ada, program: p}]\nprograms_until: 20s\nsteps:\n  - {at: 5s, crash: {node: ada, for: 2s}}\n",
      {{"p", [&](Machine& machine) {
          if (++begun > 1) return;
          machine.sleep_for(10s);
          went_on = true;
        }}});
  EXPECT_EQ(begun, 2);
  EXPECT_FALSE(went_on);
}

TEST(ProgramFaults, APausedMachineStandsStillAndItsClockGoesOn) {
  std::vector<std::int64_t> seconds;
  run_programs(
      "nodes: [{name: ada, program: p}]\nprograms_until: 30s\nsteps:\n  - {at: 5500ms, pause: {node: ada, for: 10s}}\n",
      {{"p", [&](Machine& machine) {
          SyncSocket socket = machine.socket();
          const auto begin = machine.now();
          while (true) {
            machine.sleep_for(1s);
            seconds.push_back(std::chrono::floor<std::chrono::seconds>(machine.now() - begin).count());
          }
        }}});
  ASSERT_GT(seconds.size(), 7U);
  EXPECT_EQ(seconds[4], 5);
  EXPECT_EQ(seconds[5], 15);
  EXPECT_EQ(seconds[6], 16);
}

TEST(ProgramFaults, ASlowDiskKeepsAWriterWaiting) {
  std::chrono::steady_clock::duration took{};
  run_programs(
      "nodes: [{name: ada, program: p}]\nprograms_until: 30s\nsteps:\n  - {at: 5s, disk: {node: ada, delay: 3s}}\n",
      {{"p", [&](Machine& machine) {
          SyncSocket socket = machine.socket({.data_dir = "d"});
          machine.sleep_for(10s);
          const auto begin = machine.now();
          socket.set("k", 1);
          took = machine.now() - begin;
        }}});
  EXPECT_GE(took, 3s);
  EXPECT_LT(took, 7s);
}

TEST(ProgramFaults, AFullDiskEndsAProgramAndRoomBeginsItAgain) {
  int begun = 0;
  bool acknowledged = false;
  const auto result = run_programs(
      "nodes: [{name: ada, program: p}]\nprograms_until: 30s\nsteps:\n  - {at: 5s, disk: {node: ada, full: on}}\n"
      "  - {at: 15s, disk: {node: ada, full: off}}\n",
      {{"p", [&](Machine& machine) {
          ++begun;
          SyncSocket socket = machine.socket({.data_dir = "d"});
          machine.sleep_for(10s);
          socket.set("k", 1);
          acknowledged = acknowledged || begun == 1;
        }}});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_EQ(begun, 2);
  EXPECT_FALSE(acknowledged);
}

TEST(ProgramFaults, AProgramThatThrowsFailsTheRun) {
  const auto result = run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 5s\n",
                                   {{"p", [](Machine&) { throw std::runtime_error("no luck"); }}});
  EXPECT_EQ(wrong_in(result), "program: program 'p' has ended by an exception: no luck");
}

TEST(ProgramFaults, AHandlerThatThrowsAProgramKilledIsTold) {
  const auto result = run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 10s\nquiet: 5s\n",
                                   {{"p", [](Machine& machine) {
                                       SyncSocket socket = machine.socket();
                                       socket.on<event::Update>([](auto&&...) { throw ProgramKilled(); });
                                       for (const auto* const key : {"a", "b"}) {
                                         socket.set(key, "v");
                                         machine.sleep_for(1s);
                                       }
                                     }}});
  EXPECT_EQ(wrong_in(result), "program: program 'p' has ended by a ProgramKilled of its own");
}

TEST(ProgramFaults, NotesWithoutEndEndTheRun) {
  const auto result =
      run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 5s\n", {{"p", [](Machine& machine) {
                                                                                 while (true)
                                                                                   machine.note("n", "");
                                                                               }}});
  EXPECT_EQ(wrong_in(result), "memory: there are more notes than a run may have");
}

using ProgramFaultsDeathTest = testing::Test;

TEST(ProgramFaultsDeathTest, OneThatSleepsOutsideIsTold) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 5s\n", {{"p",
                                                                               [](Machine& machine) {
                                                                                 while (true) {
                                                                                   std::this_thread::sleep_for(200ms);
                                                                                   machine.sleep_for(1s);
                                                                                 }
                                                                               }}}),
      testing::ExitedWithCode(2),
      "program 'p' on ada, at 2.000000 s of seed 1: has waited for 0.[0-9]+ s outside the simulator");
}

TEST(ProgramFaultsDeathTest, OneThatUsesAThreadOfItsOwnIsTold) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 5s\n",
                           {{"p", [](Machine& machine) { std::thread([&] { machine.sleep_for(1s); }).join(); }}}),
              testing::ExitedWithCode(2), "on a thread of its own");
}

TEST(ProgramFaultsDeathTest, SocketsOnAThreadOfItsOwnAreToldHoweverTheyAreUsed) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto run = [](const Program& program) {
    run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 5s\n", {{"p", program}});
  };
  EXPECT_EXIT(run([](Machine& machine) { std::thread([&] { const SyncSocket socket = machine.socket(); }).join(); }),
              testing::ExitedWithCode(2), "on a thread of its own");
  EXPECT_EXIT(run([](Machine& machine) {
                const SyncSocket socket = machine.socket();
                std::thread([&] { static_cast<void>(socket.size()); }).join();
              }),
              testing::ExitedWithCode(2), "on a thread of its own");
}

TEST(ProgramFaults, ASocketThatIsKeptBeyondTheRunDoesNothingMore) {
  std::unique_ptr<SyncSocket> kept;
  std::unique_ptr<SyncSocket> closed;
  const auto result = run_programs("nodes: [{name: ada, program: p}, {name: bob, program: q}]\nprograms_until: 5s\n",
                                   {{"p",
                                     [&](Machine& machine) {
                                       kept.reset(new SyncSocket(machine.socket()));
                                       kept->on<event::Update>([](auto&&...) {});
                                       kept->set("k", "v");
                                       machine.sleep_for(1h);
                                     }},
                                    {"q", [&](Machine& machine) {
                                       closed.reset(new SyncSocket(machine.socket()));
                                       closed->set("l", "v");
                                       closed->close();
                                     }}});
  EXPECT_EQ(wrong_in(result), "");
  for (auto* const socket : {&kept, &closed}) {
    EXPECT_TRUE((*socket)->is_closed());
    EXPECT_THROW(static_cast<void>((*socket)->get("k", nullptr)), SocketClosed);
    EXPECT_THROW((*socket)->set("k", "w"), SocketClosed);
    EXPECT_FALSE((*socket)->recv(1h));
    socket->reset();
  }
}

TEST(ProgramFaultsDeathTest, OneThatSwallowsItsEndIsTold) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      run_programs("nodes: [{name: ada, program: p}]\nprograms_until: 9s\nsteps:\n  - {at: 5s, crash: {node: ada}}\n",
                   {{"p",
                     [](Machine& machine) {
                       while (true) {
                         try {
                           machine.sleep_for(1s);
                         } catch (...) {
                         }
                       }
                     }}}),
      testing::ExitedWithCode(2), "catches ProgramKilled");
}

sim::RunResult run_example(const std::string& file, std::uint64_t seed) {
  const sim::ProgramMaker maker(
      sim::Programs{
          {"leader", elect::lead}, {"ledger", elect::keep_ledger}, {"trusting ledger", elect::trust_everybody}},
      {sim::fences_grow("no old fence", "accepted")});
  const auto plan = sim::load_plan_file(MESHDICT_EXAMPLES "/" + file);
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().front());
  return plan ? sim::run_plan(*plan, seed, {.programs = &maker}) : sim::RunResult();
}

TEST(ProgramExamples, ALedgerThatChecksFencesTakesNoOldOne) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(wrong_in(run_example("elect.yaml", seed)), "") << "seed " << seed;
}

TEST(ProgramExamples, OneThatTrustsEverybodyIsFound) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto result = run_example("trusting.yaml", seed);
    if (result.passed()) continue;
    ++found;
    EXPECT_EQ(result.violations.front().property, "no old fence") << wrong_in(result);
  }
  EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace meshdict

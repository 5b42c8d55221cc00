#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meshdict/meshdict.h"
#include "proptests/programs/programs_fixture.h"
#include "sim/plan/yaml/writer.h"

namespace meshdict {
namespace {

using namespace std::chrono_literals;
using test::run_programs;
using test::wrong_in;

const std::string kOne = "nodes: [{name: ada, program: p}]\nprograms_until: 2min\nquiet: 10s\n";
const std::string kTwo =
    "nodes: [{name: ada, program: p}, {name: bob, program: q}]\nprograms_until: 2min\nquiet: 60s\n";

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(Programs, ShareADictionaryAndVirtualTimePasses) {
  std::string seen;
  std::chrono::steady_clock::duration took{};
  const auto result = run_programs(kTwo, {{"p",
                                           [](Machine& machine) {
                                             SyncSocket socket = machine.socket();
                                             machine.sleep_for(30s);
                                             socket.set("greeting", "hello");
                                             machine.sleep_for(1h);
                                           }},
                                          {"q", [&](Machine& machine) {
                                             SyncSocket socket = machine.socket();
                                             const auto begin = machine.now();
                                             while (!socket.contains("greeting"))
                                               machine.sleep_for(100ms);
                                             took = machine.now() - begin;
                                             seen = socket.get("greeting").as<std::string>();
                                           }}});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_EQ(seen, "hello");
  EXPECT_GE(took, 29s);
  EXPECT_LE(took, 32s);
}

TEST(Programs, TakeNameArgumentsAndClocksFromTheirMachine) {
  std::vector<std::string> arguments;
  std::string name;
  std::chrono::system_clock::duration ahead{};
  run_programs("nodes: [{name: ada, program: p, arguments: [a, 'b c'], clock: 1h}]\nprograms_until: 1s\n",
               {{"p", [&](Machine& machine) {
                   name = machine.name();
                   arguments = machine.arguments();
                   ahead = machine.wall() - std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);
                 }}});
  EXPECT_EQ(name, "ada");
  EXPECT_EQ(arguments, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(ahead, 1h);
}

TEST(Programs, HandlersRunInOrderBesideTheProgramAndMayWait) {
  std::vector<std::string> order;
  run_programs(kOne, {{"p", [&](Machine& machine) {
                         SyncSocket socket = machine.socket();
                         const Watch watch = socket.watch("k", [&](const Change& change) {
                           order.push_back("begin " + change.key);
                           machine.sleep_for(2s);
                           order.push_back("end " + change.key);
                         });
                         socket.set("k1", 1);
                         socket.set("k2", 2);
                         machine.sleep_for(1s);
                         order.emplace_back("program");
                         machine.sleep_for(5s);
                       }}});
  EXPECT_EQ(order, (std::vector<std::string>{"begin k1", "program", "end k1", "begin k2", "end k2"}));
}

TEST(Programs, ASocketsEndWaitsForTheHandlerUnderWay) {
  std::vector<std::string> order;
  const auto result = run_programs(
      kOne, {{"p", [&](Machine& machine) {
                {
                  SyncSocket socket = machine.socket();
                  socket.on<event::Update>([&](SyncSocket&, const std::string&, const Value&, const Meta&) {
                    machine.sleep_for(3s);
                    order.emplace_back("handled");
                  });
                  socket.set("k", 1);
                  machine.sleep_for(1s);
                }
                order.emplace_back("gone");
              }}});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_EQ(order, (std::vector<std::string>{"handled", "gone"}));
}

TEST(Programs, RecvAndWaitTakeVirtualTimeOnly) {
  std::optional<Message> nothing;
  std::optional<Message> something;
  std::chrono::steady_clock::duration waited{};
  std::size_t confirmed = 0;
  const auto result = run_programs(kTwo, {{"p",
                                           [&](Machine& machine) {
                                             SyncSocket socket = machine.socket();
                                             const auto begin = machine.now();
                                             nothing = socket.recv(20s);
                                             waited = machine.now() - begin;
                                             something = socket.recv(1h);
                                             machine.sleep_for(1h);
                                           }},
                                          {"q", [&](Machine& machine) {
                                             SyncSocket socket = machine.socket();
                                             machine.sleep_for(40s);
                                             socket.send("hello");
                                             socket.set("k", 1);
                                             confirmed = socket.wait(1, 30s);
                                             machine.sleep_for(1h);
                                           }}});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_FALSE(nothing);
  EXPECT_EQ(waited, 20s);
  EXPECT_TRUE(something && something->packets().front().as<std::string>() == "hello");
  EXPECT_EQ(confirmed, 1U);
}

TEST(Programs, AMachineHasOneSocketAtATime) {
  bool refused = false;
  bool again = false;
  run_programs(kOne, {{"p", [&](Machine& machine) {
                         {
                           SyncSocket socket = machine.socket();
                           try {
                             SyncSocket second = machine.socket();
                           } catch (const PortInUse&) {
                             refused = true;
                           }
                         }
                         SyncSocket socket = machine.socket();
                         socket.set("k", 1);
                         again = socket.contains("k");
                       }}});
  EXPECT_TRUE(refused);
  EXPECT_TRUE(again);
}

TEST(Programs, OnlyADataDirectoryKeepsWhatASocketHeld) {
  bool without = true;
  bool with = false;
  const auto result = run_programs(kOne, {{"p", [&](Machine& machine) {
                                             machine.socket().set("k", 1);
                                             without = machine.socket().contains("k");
                                             machine.socket({.data_dir = "d"}).set("k", 1);
                                             with = machine.socket({.data_dir = "d"}).contains("k");
                                           }}});
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_FALSE(without);
  EXPECT_TRUE(with);
}

TEST(Programs, ClosedSocketsRefuse) {
  bool refused = false;
  run_programs(kOne, {{"p", [&](Machine& machine) {
                         SyncSocket socket = machine.socket();
                         socket.close();
                         try {
                           socket.set("k", 1);
                         } catch (const SocketClosed&) {
                           refused = socket.is_closed();
                         }
                       }}});
  EXPECT_TRUE(refused);
}

TEST(Programs, SamePlanAndSeedSameTraceAndNoThreadIsLeft) {
  const std::string yaml =
      "nodes: [{name: ada, program: p}, {name: bob, program: p}, {name: cay, program: p}]\nprograms_until: 60s\n"
      "nemesis: {faults: {pause: 1, crash: 1, partition: 1, clock_rate: 1, clock_forward: 1}, every: 2s..5s, for: "
      "1s..4s, from: 2s, until: "
      "50s}\n";
  const Program program = [](Machine& machine) {
    SyncSocket socket = machine.socket({.lease = 5s});
    socket.on<event::Update>(
        [&](SyncSocket&, const std::string& key, const Value&, const Meta&) { machine.note("saw", key); });
    for (int i = 0;; ++i) {
      try {
        static_cast<void>(
            socket.try_set("k" + std::to_string(machine.random() % 3), machine.name() + std::to_string(i)));
      } catch (const ClockError& error) {
        machine.note("wrong clock", error.key());
      }
      machine.sleep_for(std::chrono::milliseconds(machine.random() % 1'000));
    }
  };
  const std::size_t before = threads_of_this_process();
  std::uint64_t last = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto first = run_programs(yaml, {{"p", program}}, seed);
    const auto second = run_programs(yaml, {{"p", program}}, seed);
    EXPECT_EQ(wrong_in(first), "") << "seed " << seed;
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_NE(first.trace, last);
    last = first.trace;
  }
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(Programs, NotesAreJudged) {
  const auto result = run_programs(kOne,
                                   {{"p",
                                     [](Machine& machine) {
                                       machine.note("count", "1");
                                       machine.sleep_for(1s);
                                       machine.note("count", "2");
                                     }}},
                                   1, {sim::always("no two", [](const sim::View& view) -> std::optional<std::string> {
                                     for (const sim::Note& note : view.new_notes())
                                       if (note.text == "2") return note.node + " counts to 2";
                                     return std::nullopt;
                                   })});
  ASSERT_EQ(wrong_in(result), "no two: ada counts to 2");
  EXPECT_EQ(result.violations.front().at, 1s);
}

TEST(Programs, OraclesSeeDictionariesAndWhoIsUp) {
  std::string seen;
  run_programs(kOne,
               {{"p",
                 [](Machine& machine) {
                   SyncSocket socket = machine.socket();
                   socket.set("k", "v");
                   machine.sleep_for(5s);
                 }}},
               1, {sim::always("look", [&](const sim::View& view) -> std::optional<std::string> {
                 if (const auto value = view.get("ada", "k")) seen = value->as<std::string>();
                 if (!view.is_up("ada")) seen += " down";
                 return std::nullopt;
               })});
  EXPECT_EQ(seen, "v down");
}

/// A program that counts at once, and a second later again.
void count_twice(Machine& machine) {
  machine.note("count", "1");
  machine.sleep_for(1s);
  machine.note("count", "2");
}

sim::Check counted_to(const std::string& number) {
  return [number](const sim::View& view) -> std::optional<std::string> {
    if (!view.notes().empty() && view.notes().back().text == number) return std::nullopt;
    return "nobody has counted to " + number;
  };
}

constexpr std::string_view kOneWithASecondStep =
    "nodes: [{name: ada, program: p}]\nprograms_until: 20s\nquiet: 5s\nsteps:\n  - {at: 500ms, clock: {node: ada, "
    "rate: 100ppm}}\n";

TEST(Programs, WhatIsToHoldEventuallyHasItsTimeAfterTheLastStep) {
  const std::string plan(kOneWithASecondStep);
  const auto eventually = [&](const std::string& number, std::chrono::microseconds bound) {
    return run_programs(plan, {{"p", count_twice}}, 1, {sim::eventually("counts", bound, counted_to(number))});
  };
  EXPECT_EQ(wrong_in(eventually("2", 1s)), "");
  EXPECT_EQ(wrong_in(eventually("2", 400ms)),
            "counts: not within 0.400000 s of the plan's last step, at 0.500000 s: nobody has counted to 2");
  EXPECT_EQ(wrong_in(eventually("3", 10s)),
            "counts: not within 10.000000 s of the plan's last step, at 0.500000 s: nobody has counted to 3");
  EXPECT_EQ(wrong_in(eventually("3", 1h)),
            "counts: not within 19.500000 s of the plan's last step, at 0.500000 s, when programs end (see "
            "programs_until): nobody has "
            "counted to 3");
}

TEST(Programs, WhatHeldBeforeTheLastStepOnlyIsNotEnough) {
  const std::string plan =
      "nodes: [{name: ada, program: p}]\nprograms_until: 20s\nquiet: 5s\nsteps:\n  - {at: 5s, clock: {node: ada, "
      "rate: 100ppm}}\n";
  const auto result = run_programs(plan, {{"p", count_twice}}, 1, {sim::eventually("counts", 3s, counted_to("1"))});
  ASSERT_EQ(wrong_in(result),
            "counts: not within 3.000000 s of the plan's last step, at 5.000000 s: nobody has counted to 1");
}

TEST(Programs, WhatIsToHoldAtTheEndIsAskedOnce) {
  int asked = 0;
  const auto result = run_programs(std::string(kOneWithASecondStep), {{"p", count_twice}}, 1,
                                   {sim::at_end("counts",
                                                [&](const sim::View& view) {
                                                  ++asked;
                                                  return counted_to("1")(view);
                                                }),
                                    sim::at_end("other", counted_to("2"))});
  EXPECT_EQ(wrong_in(result), "counts: nobody has counted to 1");
  EXPECT_EQ(result.violation_count, 1U);
  EXPECT_EQ(asked, 1);
}

TEST(Programs, OneAtATimeIsInTrueTimeAndEndsWithTheProgram) {
  const std::string plan =
      "nodes: [{name: ada, program: p}, {name: bob, program: q}]\nprograms_until: 20s\nquiet: 5s\nsteps:\n  - {at: "
      "15s, heal: }\n";
  const auto leads = [](std::chrono::seconds begins, std::chrono::seconds ends) {
    return [=](Machine& machine) {
      machine.sleep_for(begins);
      machine.note("leads", "");
      machine.sleep_for(ends - begins);
      machine.note("led", "");
      machine.sleep_for(5s);
    };
  };
  const auto ends_inside = [](Machine& machine) { machine.note("leads", ""); };
  const auto wrong = [&](const Program& ada, const Program& bob) {
    return wrong_in(run_programs(plan, {{"p", ada}, {"q", bob}}, 1, {sim::one_at_a_time("one", "leads", "led")}));
  };
  EXPECT_EQ(wrong(leads(1s, 3s), leads(4s, 5s)), "");
  EXPECT_EQ(wrong(leads(1s, 3s), leads(2s, 5s)),
            "one: bob has 'leads' at 2.000000 s, while ada has it since 1.000000 s");
  EXPECT_EQ(wrong(ends_inside, leads(2s, 5s)), "") << "it is down";
}

/// What holds for writes, handlers, waiting, errors and closing, told line by line.
std::vector<std::string> try_all(Machine& machine) {
  // Handlers tell, too; no call that waits is made under it.
  std::mutex mutex;
  std::vector<std::string> told;
  const auto tell = [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    told.push_back(what);
  };
  const auto wait_for = [&](std::size_t lines) {
    while (true) {
      {
        const std::lock_guard lock(mutex);
        if (told.size() >= lines) return;
      }
      machine.sleep_for(1ms);
    }
  };
  SyncSocket socket = machine.socket({.protocol = {.network = "both worlds"}});
  const Watch watch =
      socket.watch("", [&](const Change& change) { tell((change.value ? "has " : "has not ") + change.key); });
  socket.set("a", 1);
  socket.update(Value::Map{{"b", 2}, {"c", 3}});
  socket.erase("b");
  wait_for(4);
  tell(std::to_string(socket.size()) + " keys, a is " + std::to_string(socket.get("a").as<int>()));
  try {
    socket.erase("b");
  } catch (const KeyError& error) {
    tell(error.what());
  }
  const auto begin = machine.now();
  const bool received = socket.recv(20ms).has_value();
  tell(received || machine.now() - begin < 20ms ? "no patience" : "nothing came");
  tell(std::to_string(socket.wait(1, 10ms)) + " others");
  socket.once<event::Update>(
      [](SyncSocket&, const std::string&, const Value&, const Meta&) { throw std::runtime_error("a handler's own"); });
  socket.set("d", 4);
  while (socket.status().is_nominal())
    machine.sleep_for(1ms);
  wait_for(9);
  tell(socket.status().text());
  socket.close();
  for (const auto& use : std::vector<std::function<void()>>{[&] { socket.close(); }, [&] { socket.set("a", 2); },
                                                            [&] { static_cast<void>(socket.size()); }}) {
    try {
      use();
      tell("went on");
    } catch (const SocketClosed&) {
      tell("closed");
    }
  }
  return told;
}

TEST(Programs, SocketsKeepOneContractInBothWorlds) {
  std::vector<std::string> virtually;
  std::vector<std::string> really;
  const auto result = run_programs(kOne, {{"p", [&](Machine& machine) { virtually = try_all(machine); }}});
  const std::array<const char*, 3> words = {"program", "--name", "ada"};
  const int code =
      run_program([&](Machine& machine) { really = try_all(machine); }, static_cast<int>(words.size()), words.data());
  EXPECT_EQ(wrong_in(result), "");
  EXPECT_EQ(code, 0);
  EXPECT_EQ(virtually, really);
  EXPECT_EQ(virtually.back(), "closed");
}

TEST(Programs, OnARealMachineAreToldWhatIsWrongWithTheirArguments) {
  std::vector<std::string> given;
  const Program program = [&](Machine& machine) { given = machine.arguments(); };
  const auto run = [&](std::vector<const char*> words) {
    return run_program(program, static_cast<int>(words.size()), words.data());
  };
  EXPECT_EQ(run({"p", "--join", "nowhere"}), 2);
  EXPECT_EQ(run({"p", "--listen"}), 2);
  EXPECT_EQ(run({"p", "--listen", "127.0.0.1:0", "--join", "127.0.0.1:4000", "--", "--name", "x"}), 0);
  EXPECT_EQ(given, (std::vector<std::string>{"--name", "x"}));
  EXPECT_EQ(run_program([](Machine&) { throw Error("no luck"); }, 0, nullptr), 1);
}

TEST(ProgramPlans, NamePrograms) {
  const sim::ProgramMaker maker(sim::Programs{{"leader", [](Machine&) {}}});
  const auto plan = sim::load_plan("nodes: [{name: ada, program: leaser}]\n", "f.yaml");
  ASSERT_TRUE(plan);
  EXPECT_EQ(sim::missing_program(*plan, &maker),
            "f.yaml: node 'ada' runs the program 'leaser', which is not there, expected 'leader'");
  EXPECT_EQ(
      sim::missing_program(*plan, nullptr),
      "f.yaml: node 'ada' runs the program 'leaser', and meshdict-sim has none: run the plan with the command that was "
      "built with it");
  const auto again =
      sim::load_plan(sim::to_yaml(*sim::load_plan(
                         "nodes: [{name: ada, program: 'a b', arguments: ['1', c]}]\nprograms_until: 9s\n", "f")),
                     "f");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->nodes.front().program, "a b");
  EXPECT_EQ(again->nodes.front().arguments, (std::vector<std::string>{"1", "c"}));
  EXPECT_EQ(again->programs_until, 9s);
  auto none = *again;
  none.nodes.front().program.clear();
  none.nodes.front().arguments.clear();
  EXPECT_TRUE(sim::load_plan(sim::to_yaml(none), "f"));
  const auto alone = sim::load_plan("nodes: [{name: ada, arguments: [a]}]\n", "f.yaml");
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().front(), testing::HasSubstr("these are of no program"));
}

}  // namespace
}  // namespace meshdict

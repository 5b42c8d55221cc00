#include "sim/commands/entry.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "sim/commands/command_line.h"
#include "sim/commands/console.h"
#include "sim/commands/explore.h"
#include "sim/commands/replay.h"
#include "sim/commands/run.h"
#include "sim/commands/run_files.h"
#include "sim/commands/shrink.h"
#include "sim/commands/sweep.h"
#include "sim/commands/trace_diff.h"
#include "sim/explore/conflict_study.h"
#include "sim/plan/fault.h"
#include "sim/plan/yaml/reader.h"
#include "sim/runs/report.h"
#include "sim/runs/worker.h"

namespace meshdict::sim {
namespace {

/// An option whose text `parse` turns into `into`, or into an error.
template <typename Parsed, typename Value>
CLI::Option* add_value(CLI::App& app, const char* name, const char* form, const char* help,
                       std::expected<Parsed, std::string> (*parse)(std::string_view), Value& into) {
  const auto take = [=, &into](const std::string& text) {
    const auto value = parse(text);
    if (!value) throw CLI::ValidationError(name, value.error());
    into = *value;
  };
  return app.add_option_function<std::string>(name, take, help)->type_name(form);
}

void add_pictures(CLI::App& command, PictureNames& pictures) {
  command.add_option("--html", pictures.html, "draw the run as a page for a browser, in this file");
  command.add_option("--perfetto", pictures.perfetto, "write it for ui.perfetto.dev to this file");
  CLI::Option* const window =
      add_value(command, "--window", "A..B", "draw what happens between two times, such as 20s..1min", parse_window,
                pictures.limits);
  command.parse_complete_callback([&pictures, window] {
    if (window->count() > 0 && !pictures.any()) {
      throw CLI::ValidationError("--window", "goes with --html or --perfetto");
    }
  });
}

void add_check(CLI::App& command, std::vector<Property>& check) {
  add_value(command, "--check", "NAMES", "judge only these promises, such as S1,S4, instead of what the plan says",
            parse_properties, check);
}

void add_shown(CLI::App& command, Shown& shown) {
  command.add_flag_callback(
      "--all-violations", [&shown] { shown = Shown::kAll; }, "print every violation, not only some of each promise");
}

/// How many seeds are run; those that need() what comes with them.
std::vector<CLI::Option*> add_seeds_options(CLI::App& command, SeedsOptions& how) {
  return {add_value(command, "--jobs", "N", "processes (default: 1)", parse_jobs, how.jobs),
          add_value(command, "--seed-seconds", "N", "how long one seed may take (default: 60)", parse_seed_seconds,
                    how.seed_seconds),
          add_value(command, "--worker-megabytes", "N",
                    "how much memory one process may take (default: its share of the machine's)",
                    parse_worker_megabytes, how.megabytes)};
}

void add_draw(CLI::App& app, std::string& transcript, PictureNames& pictures, int& result) {
  CLI::App* command = app.add_subcommand("draw", "Draw a transcript (run --trace); exit 0: drawn, 2: bad input");
  command->add_option("TRANSCRIPT", transcript, "a transcript")->required();
  add_pictures(*command, pictures);
  command->callback([&] { result = draw_command(transcript, pictures); });
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({}))
    names.push_back(command->get_name());
  return names;
}

/// What was given and asked for by nobody: of several words, the first that looks like an option.
int complain_of_extras(const CLI::App& app) {
  std::vector<std::string> extras = app.remaining(true);
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands()) {
    for (const CLI::Option* option : command->get_options()) {
      if (!option->get_positional()) known.push_back(option->get_name());
    }
  }
  const auto option =
      std::find_if(extras.begin(), extras.end(), [](const auto& word) { return word.starts_with('-'); });
  const std::string& word = option == extras.end() ? extras.front() : *option;
  return complain(unknown_word(word.substr(0, word.find('=')), "option", known));
}

void add_explore(CLI::App& app, ExploreOptions& options, int& result) {
  CLI::App* command = app.add_subcommand(
      "explore",
      "Visit every interleaving of a small world; exit 0: nothing wrong, 1: violated, 2: bad input, not all");
  command->add_option("FILE", options.file, "an exploration in YAML, see scenarios/README.md")->required();
  command->add_option("--policy", options.policy, "which duplicate connections are kept, instead of the file's")
      ->check(CLI::IsMember(rule_names()));
  command->add_option("-o,--out", options.out, "where a violation's interleaving goes")->capture_default_str();
  add_value(*command, "--states", "N", "stop after so many states (default: 100000000)", parse_states, options.states);
  add_value(*command, "--megabytes", "N", "stop before the table of states needs more (default: 4096)", parse_megabytes,
            options.megabytes);
  command->callback([&] { result = explore_command(options); });
}

void add_diff(CLI::App& app, std::array<std::string, 2>& files, int& result) {
  CLI::App* command =
      app.add_subcommand("diff", "Where two transcripts (run --trace) part; exit 0: equal, 1: they part, 2: bad input");
  command->add_option("A", files[0], "a transcript")->required();
  command->add_option("B", files[1], "another")->required();
  command->callback([&] { result = diff_command(files[0], files[1]); });
}

void add_conflict_table(CLI::App& app, TableOptions& options, int& result) {
  CLI::App* command =
      app.add_subcommand("conflict-table", "How the rules for duplicate connections do when all dial at once");
  add_value(*command, "--seeds", "A..B", "the seeds of each case", parse_seeds, options.seeds);
  add_value(*command, "--jobs", "N", "threads (default: 1)", parse_jobs, options.jobs);
  command->callback([&] { result = conflict_table(options); });
}

struct SummarizeOptions {
  std::vector<std::string> files;
  std::string junit;
};

void add_sweep(CLI::App& app, SweepOptions& options, SummarizeOptions& summary, int& result) {
  CLI::App* command = app.add_subcommand("sweep", "Run many seeds and sum up; exit 0: all passed, 1: some failed");
  command->add_option("FILE", options.file, "a plan in YAML, see scenarios/README.md");
  command->add_flag("--swarm", options.swarm, "a plan of random operations and faults for each seed, instead");
  add_value(*command, "--seeds", "A..B", "the seeds (default: 1..1000)", parse_seeds, options.seeds);
  add_seeds_options(*command, options.how);
  add_value(*command, "--shard", "I/N", "only the I-th of N parts of the seeds", parse_shard, options.shard);
  auto* lines =
      command->add_option("--json-lines", options.json_lines, "write each result as a line of JSON to this file");
  command
      ->add_option("--resume", options.resume,
                   "the same, and what such a file has of this sweep already is not run again")
      ->excludes(lines);
  command->add_option("--junit", options.junit, "write what failed as JUnit's XML to this file");
  add_check(*command, options.check);
  add_shown(*command, options.shown);
  auto* first = command->add_flag("--stop-at-first", options.stop_at_first, "the same as --max-failures 1");
  add_value(*command, "--max-failures", "N", "leave out the seeds after the N-th that fails", parse_failures,
            options.most_failures)
      ->excludes(first);
  command->callback([&] { result = sweep_command(options); });

  CLI::App* summarize = app.add_subcommand(
      "summarize",
      "Join what 'sweep --json-lines' has written; exit 0: all passed, 1: some failed, 2: some are missing");
  summarize->add_option("FILE", summary.files, "results, one a line")->required();
  summarize->add_option("--junit", summary.junit, "write what failed as JUnit's XML to this file");
  summarize->callback([&] { result = summarize_command(summary.files, summary.junit); });
}

void add_replay(CLI::App& app, ReplayOptions& options, int& result) {
  CLI::App* command = app.add_subcommand("replay", "Run one seed of 'sweep --swarm' again");
  command->add_option("SEED", options.what, "the seed")->required();
  command->add_option("--trace", options.trace, "write a readable transcript to this file");
  add_pictures(*command, options.pictures);
  command->add_option("--plan", options.plan_out, "write the seed's plan to this file");
  add_check(*command, options.check);
  add_shown(*command, options.shown);
  command->callback([&] { result = replay_command(options); });
}

void add_shrink(CLI::App& app, ShrinkOptions& options, int& result) {
  CLI::App* command = app.add_subcommand("shrink",
                                         "Make a failing plan small; Ctrl-C writes the smallest so far; exit 0: "
                                         "written, 2: bad input, or the plan passes");
  command->add_option("SEED|FILE", options.what, "a seed of 'sweep --swarm', or a plan in YAML")->required();
  add_value(*command, "--seed", "N", "the seed of FILE's run (default: 1)", parse_seed, options.seed);
  command->add_option("-o,--out", options.out, "where the small plan goes")->required();
  add_value(*command, "--jobs", "N", "processes (default: 1)", parse_jobs, options.jobs);
  add_value(*command, "--tries", "N", "stop after so many smaller plans (default: 5000)", parse_tries, options.tries);
  add_value(*command, "--for", "TIME", "stop after so long, such as 30s", parse_duration_option, options.time);
  add_value(*command, "--other-seeds", "N", "in the end, also try the seeds 1 to N (default: 4)", parse_other_seeds,
            options.other_seeds);
  add_check(*command, options.check);
  command->callback([&] { result = shrink_command(options); });
}

void list_faults() {
  for (const FaultInfo& info : fault_infos())
    fmt::print("{}\n  {}\n  {}; counted when {}\n", info.name, info.yaml, info.meaning, info.counted);
}

void add_run(CLI::App& app, RunCommandOptions& options, int& result) {
  CLI::App* command = app.add_subcommand("run", "Run plans; exit 0: passed, 1: a promise was violated, 2: bad input");
  command->add_option("FILE", options.files, "plans in YAML, see scenarios/README.md")->required();
  auto* seed = add_value(*command, "--seed", "N", "the seed of the run (default: 1)", parse_seed, options.seed);
  auto* seeds = add_value(*command, "--seeds", "A..B", "run each seed of a range; print those that fail and a summary",
                          parse_seeds, options.seeds);
  seeds->excludes(seed);
  for (CLI::Option* option : add_seeds_options(*command, options.how))
    option->needs(seeds);
  command->add_option("--trace", options.trace, "write a readable transcript to this file");
  add_pictures(*command, options.pictures);
  command->add_option("--plan", options.plan_out, "write what the seed makes of the plan to this file, as a plan");
  add_check(*command, options.check);
  add_shown(*command, options.shown);
  command->add_flag("--json", options.json, "print each result and its counters as one line of JSON, too");
  command->add_flag("--rate", options.rate, "print delivered frames a second on stderr");
  command->callback([&] { result = run_command(options); });
}

}  // namespace

int run_command_line(int argc, char** argv, const GuestMaker* programs) {
  CLI::App app("Runs a mesh of meshdict nodes in virtual time: same plan and seed, same run.", "meshdict-sim");
  app.set_version_flag("--version", "meshdict-sim " MESHDICT_VERSION);
  app.require_subcommand(1);
  int result = kPass;
  RunCommandOptions run_options;
  run_options.programs = programs;
  add_run(app, run_options, result);
  ExploreOptions explore_options;
  add_explore(app, explore_options, result);
  std::string transcript;
  PictureNames pictures;
  add_draw(app, transcript, pictures, result);
  std::array<std::string, 2> diff_files;
  add_diff(app, diff_files, result);
  TableOptions table_options;
  add_conflict_table(app, table_options, result);
  SweepOptions sweep_options;
  sweep_options.programs = programs;
  SummarizeOptions summarize_options;
  add_sweep(app, sweep_options, summarize_options, result);
  ReplayOptions replay_options;
  add_replay(app, replay_options, result);
  app.add_subcommand("faults", "List the kinds of faults, what makes them and when they count")->callback([] {
    list_faults();
  });
  ShrinkOptions shrink_options;
  shrink_options.programs = programs;
  add_shrink(app, shrink_options, result);
  if (const std::string word = argc > 1 ? argv[1] : ""; !word.empty() && !word.starts_with('-')) {
    const auto commands = command_names(app);
    if (std::ranges::find(commands, word) == commands.end()) return complain(unknown_word(word, "command", commands));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ExtrasError&) {
    return complain_of_extras(app);
  } catch (const std::system_error& error) {
    // What is printed is all that throws it.
    return complain(fmt::format("cannot write 'stdout': {}", error.code().message()));
  } catch (const NoProcess& error) {
    return complain(error.what());
  } catch (const std::bad_alloc&) {
    return complain("there is not enough memory for this");
  } catch (const CLI::ParseError& error) {
    return complain(error.what());
  }
  if (!all_written(stdout)) return complain(not_written("stdout"));
  return result;
}

}  // namespace meshdict::sim

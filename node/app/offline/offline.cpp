#include "app/offline/offline.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <string>
#include <string_view>

#include "app/log/log.h"
#include "app/offline/check.h"
#include "app/offline/transfer.h"
#include "store/restore.h"

namespace meshdict {
namespace {

/// What to print, or what is wrong.
using Outcome = std::expected<std::string, std::string>;

Outcome restored(const OfflineOptions& offline, const DataPlace& place) {
  const auto done = restore(offline.file, place.directory, offline.as_new ? RestoreAs::kNewNode : RestoreAs::kSameNode);
  if (!done) return std::unexpected(describe_for_task(done.error()));
  std::string lines = fmt::format("'{}' has the {} records of node {}, network '{}'\n", printable(place.directory),
                                  done->records, printable(done->node_id), printable(done->network));
  lines += offline.as_new ? "it is a new node: at its start it gets an id of its own\n"
                          : "it is that node again: never run it beside the original, nor twice\n";
  return lines;
}

Outcome checked(const DataPlace& place) {
  const auto found = check_data(place.directory);
  if (!found) return std::unexpected(describe_for_task(found.error()));
  for (const std::string& line : found->lines)
    std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  if (found->advice.empty()) return "clean\n";
  return std::unexpected(fmt::format("data directory '{}': damaged; {}", printable(place.directory), found->advice));
}

Outcome run_task(const OfflineOptions& offline, const DataPlace& place) {
  switch (offline.task) {
    case OfflineTask::kNone:
      break;
    case OfflineTask::kCheck:
      return checked(place);
    case OfflineTask::kRestore:
      return restored(offline, place);
    case OfflineTask::kExport:
      return export_lines(place, offline.file);
    case OfflineTask::kImport:
      return import_lines(place, offline.file);
  }
  return "";
}

std::string_view name_of(OfflineTask task) {
  switch (task) {
    case OfflineTask::kNone:
      break;
    case OfflineTask::kCheck:
      return "--check";
    case OfflineTask::kRestore:
      return "--restore";
    case OfflineTask::kExport:
      return "--export";
    case OfflineTask::kImport:
      return "--import";
  }
  return "";
}

}  // namespace

std::string describe_for_task(const StoreError& error) {
  return error.describe() + (error.trouble == StoreTrouble::kInUse ? "; for this, stop that node first" : "");
}

int run_offline(const OfflineOptions& offline, const DataPlace& place) {
  const auto outcome = run_task(offline, place);
  if (!outcome) {
    // Its last words may come from a file.
    write_last_line(fmt::format("meshdict-node: {}: {}", name_of(offline.task), printable(outcome.error(), 1'000)));
    return EXIT_FAILURE;
  }
  // What was exported may be there.
  std::FILE* const to = offline.task == OfflineTask::kExport && offline.file == "-" ? stderr : stdout;
  std::fputs(outcome->c_str(), to);
  std::fflush(to);
  return EXIT_SUCCESS;
}

}  // namespace meshdict

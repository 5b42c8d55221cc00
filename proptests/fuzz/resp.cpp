// What a client of the Redis protocol may write: however it is divided, the same commands come out.

#include "app/resp/parser.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "app/resp/glob.h"
#include "bytes.h"

using namespace meshdict;

namespace {

/// All commands of a stream that arrives in pieces of `piece` bytes, up to the first error.
std::vector<std::vector<std::string>> commands_of(std::string_view stream, std::size_t piece) {
  std::vector<std::vector<std::string>> commands;
  RespParser parser;
  std::size_t done = 0;
  std::size_t arrived = 0;
  while (true) {
    const auto result = parser.next(stream.substr(done, arrived - done));
    if (result == RespParser::Result::kError) {
      commands.push_back({parser.error()});
      return commands;
    }
    if (result == RespParser::Result::kPartial) {
      if (arrived == stream.size()) return commands;
      arrived = std::min(stream.size(), arrived + piece);
      continue;
    }
    if (result == RespParser::Result::kCommand) {
      commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
    }
    done += parser.consumed();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  const std::size_t piece = 1 + in.below(64);
  const std::string_view stream = in.rest();
  const auto whole = commands_of(stream, stream.size() + 1);
  if (commands_of(stream, piece) != whole) std::abort();
  for (const auto& command : whole) {
    if (command.size() < 2) continue;
    if (const auto pattern = Glob::compile(command[0])) static_cast<void>(pattern->matches(command[1]));
  }
  return 0;
}

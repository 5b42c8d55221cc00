#include "app/resp/transaction.h"

#include "app/resp/command_spec.h"
#include "app/resp/limits.h"

namespace meshdict {

std::size_t Transaction::cost(std::span<const std::string_view> arguments) {
  std::size_t bytes = sizeof(Queued);
  for (const std::string_view argument : arguments)
    bytes += sizeof(std::string) + argument.size();
  return bytes;
}

std::size_t Transaction::weight(const CommandSpec& spec, std::size_t arguments) {
  if (!spec.is(CommandSpec::kWrite) || spec.last_key > 0) return 1;
  return (arguments - 1) / static_cast<std::size_t>(spec.key_step);
}

bool Transaction::add(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  if (spoiled_) return true;
  const std::size_t more = cost(arguments);
  const std::size_t heavier = weight(spec, arguments.size());
  if (weight_ + heavier > resp_limits::kMaxQueuedCommands || bytes_ + more > resp_limits::kMaxQueuedBytes) {
    spoiled_ = true;
    return false;
  }
  bytes_ += more;
  weight_ += heavier;
  commands_.push_back({&spec, {arguments.begin(), arguments.end()}});
  return true;
}

}  // namespace meshdict

#include "app/resp/transaction.h"

#include "app/resp/limits.h"

namespace meshdict {

std::size_t Transaction::cost(std::span<const std::string_view> arguments) {
  std::size_t bytes = sizeof(Queued);
  for (const std::string_view argument : arguments)
    bytes += sizeof(std::string) + argument.size();
  return bytes;
}

bool Transaction::add(const CommandSpec& spec, std::span<const std::string_view> arguments) {
  if (spoiled_) return true;
  const std::size_t more = cost(arguments);
  if (commands_.size() >= resp_limits::kMaxQueuedCommands || bytes_ + more > resp_limits::kMaxQueuedBytes) {
    spoiled_ = true;
    return false;
  }
  bytes_ += more;
  commands_.push_back({&spec, {arguments.begin(), arguments.end()}});
  return true;
}

}  // namespace meshdict

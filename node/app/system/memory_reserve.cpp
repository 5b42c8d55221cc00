#include "app/system/memory_reserve.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace meshdict::memory_reserve {
namespace {

std::atomic<void*> reserve = nullptr;
std::atomic<bool> installed = false;

/// A new_handler: when it returns, the allocation is tried again.
void give_it_up() {
  void* const held = reserve.exchange(nullptr);
  if (held == nullptr) throw std::bad_alloc();
  std::free(held);
}

/// Allocates nothing.
[[noreturn]] void say_and_exit() {
  static constexpr std::string_view kUnexpected = "meshdict-node: ended by an unexpected error\n";
  std::string_view line = kUnexpected;
  if (const auto error = std::current_exception()) {
    try {
      std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      line =
          "meshdict-node: no memory is left (ulimit -v, or the machine's): give it more, or keep less in it; with "
          "a data directory, nothing that was acknowledged is lost\n";
    } catch (...) {
      line = kUnexpected;
    }
  }
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) break;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  std::_Exit(EXIT_FAILURE);
}

}  // namespace

void install() {
  installed = true;
  refill();
  std::set_new_handler(give_it_up);
}

bool used() {
  return installed && reserve.load() == nullptr;
}

std::size_t held() {
  return reserve.load() == nullptr ? 0 : kBytes;
}

void refill() {
  if (reserve.load() == nullptr) reserve = std::malloc(kBytes);
}

bool can_allocate(std::size_t bytes) {
  void* const tried = std::malloc(bytes);
  std::free(tried);
  return tried != nullptr;
}

void end_with_a_word() {
  std::set_terminate(say_and_exit);
}

}  // namespace meshdict::memory_reserve

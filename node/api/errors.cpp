#include "meshdict/errors.h"

#include <utility>

namespace meshdict {
namespace {

/// Keys are bytes and may be long: enough of it to know which.
std::string shown(const std::string& key) {
  constexpr std::size_t kShown = 64;
  std::string text = "'";
  for (const char c : key.substr(0, kShown))
    text += c >= ' ' && c <= '~' ? c : '?';
  return text + (key.size() > kShown ? "...'" : "'");
}

}  // namespace

LeasedError::LeasedError(std::string key, std::string owner, std::chrono::milliseconds left)
    : Error(owner + " holds the key " + shown(key) + " for " +
            std::to_string(std::chrono::ceil<std::chrono::seconds>(left).count()) + " s"),
      key_(std::move(key)),
      owner_(std::move(owner)),
      left_(left) {}

ClockError::ClockError(std::string key, std::chrono::milliseconds ahead, const std::string& what)
    : Error(shown(key) + ": " + what), key_(std::move(key)), ahead_(ahead) {}

ListenError::ListenError(std::string host, std::uint16_t port, const std::string& what)
    : Error(what), host_(std::move(host)), port_(port) {}

StorageError::StorageError(StorageTrouble trouble, std::string path, const std::string& what)
    : Error(what), trouble_(trouble), path_(std::move(path)) {}

KeyError::KeyError(std::string key) : Error("no such key: " + shown(key)), key_(std::move(key)) {}

ReservedFlag::ReservedFlag(std::uint8_t flag)
    : Error("flag " + std::to_string(flag) + " belongs to the protocol; messages are sent as broadcast or whisper"),
      flag_(flag) {}

}  // namespace meshdict

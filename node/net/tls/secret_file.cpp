#include "net/tls/secret_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace meshdict {
namespace {

/// A descriptor that closes itself.
class Opened {
 public:
  explicit Opened(int fd) : fd_(fd) {}
  ~Opened() {
    if (fd_ >= 0) ::close(fd_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool failed() const { return fd_ < 0; }

 private:
  int fd_;
};

std::string shown(const std::string& path) {
  std::string text = "'";
  for (const char c : path.substr(0, 200))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return text + "'";
}

std::unexpected<std::string> fail(const std::string& path, std::string_view what, int error) {
  return std::unexpected(shown(path) + " " + std::string(what) + ": " + std::generic_category().message(error));
}

mode_t closed_to(Readers allowed) {
  switch (allowed) {
    case Readers::kOwner:
      return S_IRWXG | S_IRWXO;
    case Readers::kGroup:
      return S_IRWXO | S_IWGRP;
    case Readers::kAll:
      break;
  }
  return 0;
}

}  // namespace

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::expected<std::string, std::string> read_file(const std::string& path, Readers allowed, std::size_t most) {
  // Without waiting: a pipe would keep the node for ever.
  const Opened file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.failed()) return fail(path, "cannot be opened", errno);
  struct stat is{};
  if (::fstat(file.fd(), &is) != 0) return fail(path, "cannot be looked at", errno);
  if (!S_ISREG(is.st_mode)) return std::unexpected(shown(path) + " is no file");
  if ((is.st_mode & closed_to(allowed)) != 0) {
    return std::unexpected(shown(path) +
                           " can be read by others, and is to be a secret: run 'chmod 600' on it, and draw a " +
                           "new one if others may have seen it");
  }
  std::string content(most + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(file.fd(), content.data() + size, content.size() - size);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(path, "cannot be read", errno);
    size += static_cast<std::size_t>(got);
  }
  if (size > most) {
    wipe(content);
    return std::unexpected(shown(path) + " has more than the " + std::to_string(most) + " bytes that such a file has");
  }
  content.resize(size);
  return content;
}

std::expected<void, std::string> write_secret_file(const std::string& path, const std::string& content) {
  const Opened file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (file.failed()) return fail(path, errno == EEXIST ? "is left as it is" : "cannot be made", errno);
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t put = ::write(file.fd(), content.data() + written, content.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(path, "cannot be written", errno);
    written += static_cast<std::size_t>(put);
  }
  if (::fsync(file.fd()) != 0) return fail(path, "cannot be written", errno);
  return {};
}

}  // namespace meshdict

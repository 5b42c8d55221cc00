#include "app/access/read_password.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "app/access/access_limits.h"
#include "net/tls/secret_file.h"

namespace meshdict {
namespace {

/// Keeps a terminal from showing what is typed, for as long as it lives.
class Unseen {
 public:
  Unseen() : is_terminal_(isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    std::fputs("Password: ", stderr);
  }
  ~Unseen() {
    if (!is_terminal_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputs("\n", stderr);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios before_{};
  bool is_terminal_;
};

}  // namespace

std::expected<std::string, std::string> read_password() {
  const Unseen unseen;
  std::string password;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    password += static_cast<char>(c);
    if (password.size() > access_limits::kMaxPassword) {
      wipe(password);
      return std::unexpected(fmt::format("a password has at most {} bytes", access_limits::kMaxPassword));
    }
  }
  if (password.empty()) return std::unexpected("give the password on stdin; an empty one would be none");
  return password;
}

}  // namespace meshdict

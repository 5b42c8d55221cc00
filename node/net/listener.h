#pragma once
// Listens for connections, and says why an address cannot be listened on.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/env/transport.h"

namespace meshdict {

/// Why an address cannot be listened on.
struct ListenFailure {
  enum class Trouble : std::uint8_t {
    kInUse,       ///< somebody else listens there
    kNotOurs,     ///< no address of this machine, or no host of that name
    kNotAllowed,  ///< as of ports below 1,024 for most users
    kOther,
  };
  Trouble trouble = Trouble::kOther;
  Endpoint address;
  /// The system's words.
  std::string what;

  /// For the operator, one line: "cannot listen on HOST:PORT: WHAT".
  [[nodiscard]] std::string describe() const;
};

/// A listening TCP socket that goes on whatever happens: when accepting fails (no file descriptor left, say), it
/// reports the trouble, waits net_limits::kAcceptBackoff and tries again. Order of calls: open(), start(); close() or
/// the destructor at the end. Used from the thread of its io_context.
class Listener {
 public:
  /// Gets a non-blocking socket with TCP_NODELAY.
  using OnSocket = std::function<void(asio::ip::tcp::socket socket, const Endpoint& remote)>;
  using OnTrouble = std::function<void(std::string_view detail)>;

  /// Binds and listens; port 0 lets the system choose.
  static std::expected<std::unique_ptr<Listener>, ListenFailure> open(asio::io_context& io, const Endpoint& at);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start(OnSocket on_socket, OnTrouble on_trouble);
  void close();
  /// With the port that was chosen.
  [[nodiscard]] const Endpoint& address() const;

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  static void accept_next(std::shared_ptr<State> state);

  /// Shared with the pending handlers, which find it closed after the listener's end.
  std::shared_ptr<State> state_;
};

/// The address of the other end, as text. An IPv4 address that is mapped into IPv6 is shown as IPv4.
Endpoint remote_endpoint(const asio::ip::tcp::socket& socket);

}  // namespace meshdict

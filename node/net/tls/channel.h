#pragma once
// TLS over bytes that somebody else carries: one connection's handshake, opening and sealing. It has no socket.
//
// 1. Nothing waits: what the far end has sent goes in by receive(), what is to be sent is in output().
// 2. A dialer is ready once the far end has shown that it takes our proof, by the first byte that it says: in TLS 1.3 a
//    dialer has done its part before the other has looked at its certificate. With py2p's SSL, where there is no proof, it is
//    ready once the handshake is done.
// 3. A failure is told once, with our own reason; output() may then hold the alert that tells the far end.
// 4. The handshake takes tls_limits::kMaxHandshakeBytes at most; how long it may take is its owner's to limit.

#include <asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/links/end_reason.h"
#include "net/tls/credentials.h"
#include "net/tls/faults.h"

namespace meshdict {

class SecureChannel {
 public:
  enum class Stage : std::uint8_t {
    kHandshaking,
    kReady,
    kEnded,   ///< the far end has said that nothing follows from it; what we have to say it may still read
    kFailed,  ///< see failure()
  };

  /// Null when there is no memory. A dialer's first bytes are in output() at once. Of `executor` nothing is run.
  static std::unique_ptr<SecureChannel> make(const std::shared_ptr<const Credentials>& credentials, Role role,
                                             const asio::any_io_executor& executor);
  ~SecureChannel();
  SecureChannel(const SecureChannel&) = delete;
  SecureChannel& operator=(const SecureChannel&) = delete;

  /// Takes what came, and appends to `plain` what the far end says. In kEnded and kFailed it does nothing.
  void receive(std::string_view bytes, std::string& plain);
  /// Whether seal() and say_end() may be called.
  [[nodiscard]] bool can_seal() const { return stage_ == Stage::kReady || stage_ == Stage::kEnded; }
  /// Puts the sealed bytes into output().
  void seal(std::string_view plain);
  /// Tells the far end that nothing follows.
  void say_end();

  /// To be sent; whoever sends takes it off.
  [[nodiscard]] std::string& output();
  [[nodiscard]] Stage stage() const { return stage_; }
  /// REQUIRES: kFailed.
  [[nodiscard]] const Ending& failure() const { return failure_; }
  /// The id of the far end's certificate, once it is ready; empty with mesh keys.
  [[nodiscard]] const NodeId& proven() const { return proven_; }

 private:
  struct Stream;
  SecureChannel(std::shared_ptr<const Credentials> credentials, Role role, std::unique_ptr<Stream> stream);

  bool take_first(std::string_view bytes);
  void shake_hands();
  void open(std::string& plain);
  void become_ready();
  void fail(unsigned long error);
  void fail(const Ending& why);

  std::shared_ptr<const Credentials> credentials_;
  Role role_;
  std::unique_ptr<Stream> stream_;
  Stage stage_ = Stage::kHandshaking;
  bool shaken_ = false;  ///< our part of the handshake is done
  std::uint64_t received_ = 0;
  OfferedKey offered_ = OfferedKey::kNone;
  NodeId proven_;
  Ending failure_;
};

}  // namespace meshdict

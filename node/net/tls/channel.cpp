#include "net/tls/channel.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/ssl/stream.hpp>
#include <cassert>
#include <utility>

#include "net/tls/key_id.h"
#include "net/tls/tls_limits.h"

namespace meshdict {
namespace {

/// What Asio takes for a socket: bytes in memory. A read that finds none would block, a write never does; so Asio's calls that
/// do not wait can be used, and none loses a byte.
class Memory {
 public:
  using executor_type = asio::any_io_executor;
  using lowest_layer_type = Memory;

  explicit Memory(executor_type executor) : executor_(std::move(executor)) {}
  Memory& lowest_layer() { return *this; }
  executor_type get_executor() { return executor_; }

  template <typename Buffers>
  std::size_t read_some(const Buffers& into, asio::error_code& error) {
    if (in.empty()) {
      error = asio::error::would_block;
      return 0;
    }
    error.clear();
    const std::size_t got = asio::buffer_copy(into, asio::buffer(in.data(), in.size()));
    in.remove_prefix(got);
    return got;
  }

  template <typename Buffers>
  std::size_t write_some(const Buffers& from, asio::error_code& error) {
    error.clear();
    for (auto at = asio::buffer_sequence_begin(from); at != asio::buffer_sequence_end(from); ++at)
      out.append(static_cast<const char*>(at->data()), at->size());
    return asio::buffer_size(from);
  }

  std::string_view in;  ///< of the call that is under way
  std::string out;

 private:
  executor_type executor_;
};

bool would_block(const asio::error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

/// OpenSSL's own.
unsigned long code_of(const asio::error_code& error) {
  return static_cast<unsigned>(error.value());
}

/// A fatal alert of TLS, "unexpected message", for who does not speak it: a node of ours knows by it what it has dialled.
constexpr std::array<char, 7> kAlert{0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0A};

}  // namespace

struct SecureChannel::Stream {
  Stream(const asio::any_io_executor& executor, SSL* connection) : memory(executor), tls(memory, connection) {}

  Memory memory;
  asio::ssl::stream<Memory&> tls;
};

std::unique_ptr<SecureChannel> SecureChannel::make(const std::shared_ptr<const Credentials>& credentials, Role role,
                                                   const asio::any_io_executor& executor) {
  SSL* const connection = SSL_new(credentials->context());
  if (connection == nullptr) return nullptr;
  auto stream = std::make_unique<Stream>(executor, connection);  // which owns the connection from now on
  // A dialer of py2p's shows none, be it asked for one.
  if (role == Role::kDialer && credentials->kind() == Credentials::Kind::kPy2p) SSL_certs_clear(connection);
  std::unique_ptr<SecureChannel> channel(new SecureChannel(credentials, role, std::move(stream)));
  watch_offered_key(connection, channel->offered_);
  if (role == Role::kDialer) channel->shake_hands();
  return channel;
}

SecureChannel::SecureChannel(std::shared_ptr<const Credentials> credentials, Role role, std::unique_ptr<Stream> stream)
    : credentials_(std::move(credentials)), role_(role), stream_(std::move(stream)) {}

SecureChannel::~SecureChannel() = default;

std::string& SecureChannel::output() {
  return stream_->memory.out;
}

void SecureChannel::receive(std::string_view bytes, std::string& plain) {
  if (stage_ == Stage::kEnded || stage_ == Stage::kFailed || bytes.empty()) return;
  if (received_ == 0 && !take_first(bytes)) return;
  received_ += bytes.size();
  stream_->memory.in = bytes;
  if (!shaken_) shake_hands();
  if (shaken_ && stage_ != Stage::kFailed) open(plain);
  assert(stream_->memory.in.empty() || stage_ == Stage::kFailed || stage_ == Stage::kEnded);
  stream_->memory.in = {};
  if (stage_ == Stage::kHandshaking && received_ > tls_limits::kMaxHandshakeBytes) {
    fail({.reason = EndReason::kTlsFailed,
          .detail = "its handshake has more than " + std::to_string(tls_limits::kMaxHandshakeBytes) + " bytes"});
  }
}

/// False when the far end does not speak TLS.
bool SecureChannel::take_first(std::string_view bytes) {
  constexpr std::uint8_t kFirstType = 0x14;
  constexpr std::uint8_t kHandshake = 0x16;
  constexpr std::uint8_t kLastType = 0x17;
  const auto first = static_cast<std::uint8_t>(bytes.front());
  const bool good = role_ == Role::kAcceptor ? first == kHandshake : first >= kFirstType && first <= kLastType;
  if (good) return true;
  fail(spoke_plaintext(role_));
  output().clear();
  if (role_ == Role::kAcceptor) output().assign(kAlert.data(), kAlert.size());
  return false;
}

void SecureChannel::shake_hands() {
  asio::error_code error;
  using Base = asio::ssl::stream_base;
  stream_->tls.handshake(role_ == Role::kDialer ? Base::client : Base::server, error);
  if (would_block(error)) return;
  if (error) return fail(code_of(error));
  shaken_ = true;
  // A server that shows no key has none of ours.
  if (credentials_->kind() == Credentials::Kind::kMeshKeys && SSL_session_reused(stream_->tls.native_handle()) != 1) {
    return fail({.reason = EndReason::kNoMeshKey, .detail = "it speaks TLS without a mesh key"});
  }
  if (role_ == Role::kAcceptor || credentials_->kind() == Credentials::Kind::kPy2p) become_ready();
}

void SecureChannel::become_ready() {
  stage_ = Stage::kReady;
  if (credentials_->kind() != Credentials::Kind::kCertificates) return;
  if (const X509* const certificate = SSL_get0_peer_certificate(stream_->tls.native_handle())) {
    proven_ = id_of_key(certificate);
  }
}

void SecureChannel::open(std::string& plain) {
  while (true) {
    std::array<char, tls_limits::kSealedAtOnce> room;
    asio::error_code error;
    const std::size_t got = stream_->tls.read_some(asio::buffer(room), error);
    if (would_block(error)) return;
    if (error == asio::error::eof) {
      stage_ = Stage::kEnded;
      return;
    }
    if (error) return fail(code_of(error));
    if (stage_ == Stage::kHandshaking) become_ready();
    plain.append(room.data(), got);
  }
}

void SecureChannel::seal(std::string_view plain) {
  assert(can_seal());
  while (!plain.empty()) {
    asio::error_code error;
    const std::size_t sealed = stream_->tls.write_some(asio::buffer(plain.data(), plain.size()), error);
    if (error) return fail(code_of(error));
    plain.remove_prefix(sealed);
  }
}

void SecureChannel::say_end() {
  assert(can_seal());
  asio::error_code ignored;
  stream_->tls.shutdown(ignored);  // would block: the far end has yet to say the same
}

void SecureChannel::fail(unsigned long error) {
  SSL* const connection = stream_->tls.native_handle();
  fail(explain({.kind = credentials_->kind(),
                .role = role_,
                .error = error,
                .verified = SSL_get_verify_result(connection),
                .offered = offered_}));
}

void SecureChannel::fail(const Ending& why) {
  stage_ = Stage::kFailed;
  failure_ = why;
}

}  // namespace meshdict

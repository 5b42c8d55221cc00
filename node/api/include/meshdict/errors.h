#pragma once
// What the embeddable API throws. Everything derives from meshdict::Error, so that one catch is enough for a program that need
// not know which it was.
//
//   LeasedError    another node holds the key                     py2p: KeyError
//   KeyError       there is no such key                           py2p: KeyError
//   ClockError     the machine's clock is not the other members'
//   InvalidKey     nobody can have a key like this                py2p: TypeError
//   ValueError     a value or packet that cannot be sent          py2p: TypeError
//   TypeError      a Value was asked for as something that it is not
//   ReservedFlag   send() with a flag that belongs to the protocol
//   EventError     a handler or an emit() that does not fit its event
//   ListenError    the address cannot be listened on              py2p: socket.error
//   PortInUse        ... because another program does
//   StorageError   the data directory cannot be used
//   SettingsError  options that no node can run with              py2p: ValueError
//   SocketClosed   the socket was closed                          py2p: RuntimeError

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace meshdict {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A write was refused: another node leases the key. Nothing was written.
class LeasedError : public Error {
 public:
  LeasedError(std::string key, std::string owner, std::chrono::milliseconds left);

  [[nodiscard]] const std::string& key() const { return key_; }
  /// The id of the node that holds the key.
  [[nodiscard]] const std::string& owner() const { return owner_; }
  /// Until the key is free for this node, unless its owner writes again; at least 1 ms.
  [[nodiscard]] std::chrono::milliseconds left() const { return left_; }

 private:
  std::string key_;
  std::string owner_;
  std::chrono::milliseconds left_;
};

/// A key was not claimed because the machine's clock differs from those of most neighbours by more than members allow: they
/// would not see the write. Nothing was written.
class ClockError : public Error {
 public:
  ClockError(std::string key, std::chrono::milliseconds ahead, const std::string& what);

  [[nodiscard]] const std::string& key() const { return key_; }
  /// How far our clock is ahead; negative: behind.
  [[nodiscard]] std::chrono::milliseconds ahead() const { return ahead_; }

 private:
  std::string key_;
  std::chrono::milliseconds ahead_;
};

class KeyError : public Error {
 public:
  explicit KeyError(std::string key);

  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  std::string key_;
};

class InvalidKey : public Error {
 public:
  using Error::Error;
};

class ValueError : public Error {
 public:
  using Error::Error;
};

class TypeError : public Error {
 public:
  using Error::Error;
};

class ReservedFlag : public Error {
 public:
  explicit ReservedFlag(std::uint8_t flag);

  [[nodiscard]] std::uint8_t flag() const { return flag_; }

 private:
  std::uint8_t flag_;
};

class EventError : public Error {
 public:
  using Error::Error;
};

/// For example, the address is another machine's, or this user may not listen there.
class ListenError : public Error {
 public:
  ListenError(std::string host, std::uint16_t port, const std::string& what);

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::string host_;
  std::uint16_t port_;
};

class PortInUse : public ListenError {
 public:
  using ListenError::ListenError;
};

/// What is wrong with a data directory.
enum class StorageTrouble : std::uint8_t {
  kUnusable,      ///< the system refuses: no permission, a disk that gives errors
  kFull,          ///< there is no room on the disk
  kInUse,         ///< another node uses it
  kDamaged,       ///< what is in it makes no sense, or a part of it is missing
  kForeign,       ///< of another program, or of a newer version of this one
  kOtherNetwork,  ///< of a node of another network
};

class StorageError : public Error {
 public:
  StorageError(StorageTrouble trouble, std::string path, const std::string& what);

  [[nodiscard]] StorageTrouble trouble() const { return trouble_; }
  /// The data directory.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  StorageTrouble trouble_;
  std::string path_;
};

class SettingsError : public Error {
 public:
  using Error::Error;
};

class SocketClosed : public Error {
 public:
  using Error::Error;
};

}  // namespace meshdict

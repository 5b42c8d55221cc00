#pragma once
// Mesh keys: a secret of 32 random bytes that all members of a mesh share, as files of one line each.
//
// 1. A file has one or two keys, each 64 hexadecimal digits on a line of its own; empty lines and those that begin with # are
//    passed over. The first is what a node dials with, both are taken, so that a mesh can change its key without a gap.
// 2. A file that others than its owner may read is refused: what it holds is no secret any more.
// 3. A key is wiped when its object ends, and is in no error text.

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

/// The external pre-shared key of TLS 1.3 (RFC 8446, 4.2.11; RFC 9257 on how to choose one).
class MeshKey {
 public:
  static constexpr std::size_t kSize = 32;
  using Bytes = std::array<std::uint8_t, kSize>;

  explicit MeshKey(const Bytes& bytes) : bytes_(bytes) {}
  ~MeshKey();
  MeshKey(const MeshKey&) = default;
  MeshKey& operator=(const MeshKey&) = default;

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  /// What ends of a connection name it by, 32 hexadecimal digits: a hash that tells nothing of the key.
  [[nodiscard]] std::string name() const;
  bool operator==(const MeshKey&) const = default;

 private:
  Bytes bytes_{};
};

/// The keys in the text of a file: one or two. Error text says which line, and what was expected.
std::expected<std::vector<MeshKey>, std::string> parse_mesh_keys(std::string_view text);

/// Of a file. Error text names the file and says what to do.
std::expected<std::vector<MeshKey>, std::string> read_mesh_keys(const std::string& path);

/// Draws a key and writes it to a new file, for its owner alone. Error text when there is one already, or it cannot be written.
std::expected<void, std::string> make_mesh_key(const std::string& path);

}  // namespace meshdict

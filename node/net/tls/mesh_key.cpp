#include "net/tls/mesh_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <span>

#include "net/tls/secret_file.h"
#include "net/tls/tls_limits.h"

namespace meshdict {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
/// Says what is hashed: the same key hashed for something else gives another value.
constexpr std::string_view kNameLabel = "meshdict mesh key name";
constexpr std::size_t kNameBytes = 16;

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0x0F];
  }
  return text;
}

/// -1 for what is none.
int digit(char c) {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

/// False when the line is no key.
bool read_key(std::string_view line, MeshKey::Bytes& bytes) {
  if (line.size() != 2 * MeshKey::kSize) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = digit(line[2 * i]);
    const int low = digit(line[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace

MeshKey::~MeshKey() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::string MeshKey::name() const {
  std::string hashed(kNameLabel);
  hashed.append(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(hashed.data(), hashed.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  wipe(hashed);
  return hexadecimal(std::span(hash).first(kNameBytes));
}

std::expected<std::vector<MeshKey>, std::string> parse_mesh_keys(std::string_view text) {
  std::vector<MeshKey> keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.front() == '#') continue;
    MeshKey::Bytes bytes{};
    if (!read_key(line, bytes)) {
      return std::unexpected(
          "line " + std::to_string(number) +
          " is no mesh key, which is 64 hexadecimal digits: 'meshdict-node --make-key FILE' makes one");
    }
    if (keys.size() == tls_limits::kMaxMeshKeys) {
      return std::unexpected("line " + std::to_string(number) +
                             " is a third key: there are two at most, while a mesh changes " + "from one to the next");
    }
    keys.emplace_back(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
  }
  if (keys.empty()) return std::unexpected("there is no mesh key in it: 'meshdict-node --make-key FILE' makes one");
  if (keys.size() == tls_limits::kMaxMeshKeys && keys.front() == keys.back()) {
    return std::unexpected("both keys are the same");
  }
  return keys;
}

std::expected<std::vector<MeshKey>, std::string> read_mesh_keys(const std::string& path) {
  auto text = read_file(path, Readers::kOwner, tls_limits::kMaxKeyFile);
  if (!text) return std::unexpected(std::move(text.error()));
  auto keys = parse_mesh_keys(*text);
  wipe(*text);
  if (!keys) return std::unexpected("'" + path + "': " + keys.error());
  return keys;
}

std::expected<void, std::string> make_mesh_key(const std::string& path) {
  MeshKey::Bytes bytes{};
  if (RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return std::unexpected("the system has no random numbers");
  }
  std::string content =
      "# A mesh key: whoever has it is a member. Copy it to each node, over a safe way, and keep its mode 0600.\n" +
      hexadecimal(bytes) + "\n";
  OPENSSL_cleanse(bytes.data(), bytes.size());
  auto written = write_secret_file(path, content);
  wipe(content);
  return written;
}

}  // namespace meshdict

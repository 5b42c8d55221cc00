#include "app/access/password.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "app/access/access_limits.h"

namespace meshdict {
namespace {

std::string beginning() {
  return fmt::format("$scrypt$ln={},r={},p={}$", access_limits::kScryptLogN, access_limits::kScryptR,
                     access_limits::kScryptP);
}

std::string base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

/// False unless `text` is exactly what base64() makes of as many bytes.
bool from_base64(std::string_view text, std::span<unsigned char> bytes) {
  const std::size_t padded = 4 * ((bytes.size() + 2) / 3);
  if (text.size() > padded || text.find('=') != std::string_view::npos) return false;
  std::string filled(text);
  filled.resize(padded, '=');
  std::string decoded(padded / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                   reinterpret_cast<const unsigned char*>(filled.data()), static_cast<int>(padded));
  if (size < static_cast<int>(bytes.size())) return false;
  std::copy_n(reinterpret_cast<const unsigned char*>(decoded.data()), bytes.size(), bytes.begin());
  return base64(bytes) == text;
}

struct FreeKdf {
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

}  // namespace

/// False when there is no memory for it.
bool PasswordHash::derive(std::string_view password, const Salt& salt, Hash& hash) {
  const std::unique_ptr<EVP_KDF, FreeKdf> kdf(EVP_KDF_fetch(nullptr, "SCRYPT", nullptr));
  if (kdf == nullptr) return false;
  const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(EVP_KDF_CTX_new(kdf.get()));
  if (context == nullptr) return false;
  std::uint64_t n = std::uint64_t{1} << access_limits::kScryptLogN;
  std::uint32_t r = access_limits::kScryptR;
  std::uint32_t p = access_limits::kScryptP;
  std::uint64_t memory = access_limits::kScryptMemory;
  // OpenSSL reads these, and takes no pointer to const.
  const std::array parameters{
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<char*>(password.data()), password.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<unsigned char*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
      OSSL_PARAM_construct_end()};
  const bool derived = EVP_KDF_derive(context.get(), hash.data(), hash.size(), parameters.data()) == 1;
  if (!derived) ERR_clear_error();
  return derived;
}

std::expected<PasswordHash, std::string> PasswordHash::parse(std::string_view text) {
  const std::string expected = beginning();
  const std::unexpected<std::string> wrong(fmt::format(
      "is no hash of a password, which begins with {}: 'meshdict-node --hash-password' makes one", expected));
  if (!text.starts_with(expected)) return wrong;
  text.remove_prefix(expected.size());
  const std::size_t bar = text.find('$');
  if (bar == std::string_view::npos) return wrong;
  PasswordHash made;
  if (!from_base64(text.substr(0, bar), made.salt_) || !from_base64(text.substr(bar + 1), made.hash_)) return wrong;
  return made;
}

std::expected<PasswordHash, std::string> PasswordHash::of(std::string_view password) {
  PasswordHash made;
  if (RAND_bytes(made.salt_.data(), static_cast<int>(made.salt_.size())) != 1) {
    return std::unexpected("the system has no random numbers");
  }
  if (!derive(password, made.salt_, made.hash_)) return std::unexpected("there is no memory for scrypt");
  return made;
}

PasswordHash PasswordHash::of_nobody() {
  PasswordHash made;
  RAND_bytes(made.salt_.data(), static_cast<int>(made.salt_.size()));
  RAND_priv_bytes(made.hash_.data(), static_cast<int>(made.hash_.size()));
  return made;
}

std::string PasswordHash::text() const {
  return beginning() + base64(salt_) + "$" + base64(hash_);
}

PasswordHash::Match PasswordHash::matches(std::string_view password) const {
  Hash hash{};
  if (!derive(password, salt_, hash)) return Match::kNoMemory;
  const bool same = CRYPTO_memcmp(hash.data(), hash_.data(), hash.size()) == 0;
  OPENSSL_cleanse(hash.data(), hash.size());
  return same ? Match::kYes : Match::kNo;
}

}  // namespace meshdict

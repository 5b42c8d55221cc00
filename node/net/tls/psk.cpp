#include "net/tls/psk.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace meshdict {
namespace {

/// TLS_AES_128_GCM_SHA256: its hash is what the keys are used with (RFC 8446, 4.2.11: SHA-256 where nothing else is agreed).
constexpr std::array<unsigned char, 2> kSuite{0x13, 0x01};

int keys_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

int offered_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

const NamedKeys* keys_of(const SSL* connection) {
  return static_cast<const NamedKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), keys_index()));
}

/// What OpenSSL takes an external key as. Null when it has no memory.
SSL_SESSION* session_of(SSL* connection, const MeshKey& key) {
  SSL_SESSION* const session = SSL_SESSION_new();
  const SSL_CIPHER* const suite = SSL_CIPHER_find(connection, kSuite.data());
  const bool good = session != nullptr && suite != nullptr &&
                    SSL_SESSION_set1_master_key(session, key.bytes().data(), key.bytes().size()) == 1 &&
                    SSL_SESSION_set_cipher(session, suite) == 1 &&
                    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1 &&
                    SSL_SESSION_set1_id_context(session, reinterpret_cast<const unsigned char*>(kSessionUse.data()),
                                                kSessionUse.size()) == 1;
  if (good) return session;
  SSL_SESSION_free(session);
  return nullptr;
}

/// Of a dialer. `hash` is set once the server has chosen one.
int dial_with(SSL* connection, const EVP_MD* hash, const unsigned char** name, std::size_t* length,
              SSL_SESSION** session) {
  *session = nullptr;
  const NamedKeys* const keys = keys_of(connection);
  if (keys == nullptr || keys->keys.empty()) return 0;
  if (hash != nullptr && EVP_MD_get_type(hash) != NID_sha256) return 1;
  const auto& [own_name, key] = keys->keys.front();
  *session = session_of(connection, key);
  *name = reinterpret_cast<const unsigned char*>(own_name.data());
  *length = own_name.size();
  return *session == nullptr ? 0 : 1;
}

/// Of an acceptor. Without a session the handshake goes on without a key, and finds that there is no certificate either.
int find_key(SSL* connection, const unsigned char* name, std::size_t length, SSL_SESSION** session) {
  *session = nullptr;
  const NamedKeys* const keys = keys_of(connection);
  if (keys == nullptr) return 0;
  const std::string_view wanted(reinterpret_cast<const char*>(name), length);
  const auto found = std::ranges::find(keys->keys, wanted, [](const auto& one) { return std::string_view(one.first); });
  if (auto* const offered = static_cast<OfferedKey*>(SSL_get_ex_data(connection, offered_index()))) {
    *offered = found == keys->keys.end() ? OfferedKey::kUnknown : OfferedKey::kKnown;
  }
  if (found == keys->keys.end()) return 1;
  *session = session_of(connection, found->second);
  return *session == nullptr ? 0 : 1;
}

}  // namespace

void use_mesh_keys(ssl_ctx_st* context, const NamedKeys& keys) {
  // OpenSSL keeps no pointer to const.
  SSL_CTX_set_ex_data(context, keys_index(), const_cast<NamedKeys*>(&keys));
  SSL_CTX_set_psk_use_session_callback(context, dial_with);
  SSL_CTX_set_psk_find_session_callback(context, find_key);
}

void watch_offered_key(ssl_st* connection, OfferedKey& offered) {
  SSL_set_ex_data(connection, offered_index(), &offered);
}

}  // namespace meshdict

#include "net/tls/credentials.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cassert>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/base58.h"
#include "net/tls/fresh_certificate.h"
#include "net/tls/key_id.h"
#include "net/tls/openssl_owned.h"
#include "net/tls/psk.h"
#include "net/tls/secret_file.h"
#include "net/tls/tls_limits.h"

namespace meshdict {

struct Credentials::Parts {
  Kind kind = Kind::kCertificates;
  NamedKeys keys;
  NodeId id;
  std::vector<std::string> doubts;
  SSL_CTX* context = nullptr;

  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() { SSL_CTX_free(context); }
};

namespace {

using Wrong = std::unexpected<std::string>;

openssl::Bio reader_of(const std::string& text) {
  return openssl::Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Instead of the terminal, which OpenSSL would ask. A phrase of no length does not open anything.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

std::vector<openssl::Certificate> read_certificates(const std::string& text) {
  std::vector<openssl::Certificate> found;
  const openssl::Bio reader = reader_of(text);
  bool asked = false;
  while (X509* const one = PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, &asked))
    found.emplace_back(one);
  ERR_clear_error();  // that there is none left
  return found;
}

/// A context with rule 1, and nothing to prove yet. Null when there is no memory.
SSL_CTX* bare_context(int oldest = TLS1_3_VERSION) {
  SSL_CTX* const context = SSL_CTX_new(TLS_method());
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, oldest);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(tls_limits::kMaxHandshakeBytes));
  SSL_CTX_set_verify_depth(context, tls_limits::kMaxChain);
  // Without one OpenSSL takes no mesh key where it could ask for a certificate.
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionUse.data()),
                                 kSessionUse.size());
  return context;
}

std::expected<void, std::string> take_own(SSL_CTX* context, const ProofTexts& texts, openssl::Certificate& own) {
  std::vector<openssl::Certificate> chain = read_certificates(texts.certificate);
  if (chain.empty()) return Wrong("certificate: there is none in PEM form in it");
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return Wrong("certificate: it is of a kind that TLS 1.3 or this machine's policy does not take");
  }
  for (std::size_t i = 1; i < chain.size(); ++i)
    SSL_CTX_add1_chain_cert(context, chain[i].get());
  own = std::move(chain.front());
  bool asked = false;
  const openssl::Key key(PEM_read_bio_PrivateKey(reader_of(texts.key).get(), nullptr, no_passphrase, &asked));
  ERR_clear_error();
  if (key == nullptr) {
    return Wrong(asked
                     ? "key: it has a passphrase, which nobody could give to a node that starts by itself: take it off"
                     : "key: there is none in PEM form in it");
  }
  if (X509_check_private_key(own.get(), key.get()) != 1) return Wrong("key: it is not that of the certificate");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Wrong("key: it is of a kind that TLS 1.3 does not take");
  return {};
}

/// `texts.authority` and `texts.revoked`.
std::expected<void, std::string> take_authority(SSL_CTX* context, const ProofTexts& texts) {
  X509_STORE* const trusted = SSL_CTX_get_cert_store(context);
  const std::vector<openssl::Certificate> authorities = read_certificates(texts.authority);
  if (authorities.empty()) return Wrong("authority: there is no certificate in PEM form in it");
  for (const openssl::Certificate& one : authorities) {
    X509_STORE_add_cert(trusted, one.get());
    SSL_CTX_add_client_CA(context, one.get());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (texts.revoked.empty()) return {};
  const openssl::Bio reader = reader_of(texts.revoked);
  std::size_t lists = 0;
  bool asked = false;
  for (;; ++lists) {
    const openssl::Revoked one(PEM_read_bio_X509_CRL(reader.get(), nullptr, no_passphrase, &asked));
    if (one == nullptr) break;
    X509_STORE_add_crl(trusted, one.get());
  }
  ERR_clear_error();
  if (lists == 0) return Wrong("revoked certificates: there is no list in PEM form in it");
  X509_STORE_set_flags(trusted, X509_V_FLAG_CRL_CHECK);
  return {};
}

/// What those who trust the same authority will say of our own certificate, in one of its two roles.
std::string doubt_about(SSL_CTX* context, X509* own, const char* role, std::string_view as) {
  X509_STORE_CTX* const check = X509_STORE_CTX_new();
  STACK_OF(X509)* chain = nullptr;
  // A macro that hides the pointer's type.
  SSL_CTX_ctrl(context, SSL_CTRL_GET_CHAIN_CERTS, 0, static_cast<void*>(&chain));
  X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context), own, chain);
  X509_STORE_CTX_set_default(check, role);
  const bool good = X509_verify_cert(check) == 1;
  const int why = X509_STORE_CTX_get_error(check);
  X509_STORE_CTX_free(check);
  ERR_clear_error();
  if (good) return {};
  return "others will refuse our own certificate " + std::string(as) + ": " + X509_verify_cert_error_string(why);
}

/// What clients will say of it, whomever they trust.
std::string doubt_of_server(X509* own) {
  constexpr std::string_view kRefused = "clients will refuse our certificate: ";
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) return std::string(kRefused) + "its time is over";
  if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0) return std::string(kRefused) + "its time has not come";
  if (X509_check_purpose(own, X509_PURPOSE_SSL_SERVER, 0) != 1) {
    return std::string(kRefused) + "it is not for TLS servers (extended usage serverAuth)";
  }
  return {};
}

std::expected<std::string, std::string> read_named(std::string_view option, const std::string& path, Readers allowed) {
  auto text = read_file(path, allowed, tls_limits::kMaxPemFile);
  if (!text) return Wrong(std::string(option) + ": " + text.error());
  return text;
}

}  // namespace

NodeId id_of_key(const x509_st* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return {};
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  EVP_Digest(bytes, static_cast<std::size_t>(size), hash.data(), &length, EVP_sha384(), nullptr);
  OPENSSL_free(bytes);
  const auto id = NodeId::parse(base58_encode(std::span(hash).first(length)));
  assert(id);
  return *id;
}

std::expected<ProofTexts, std::string> read_proof_files(const ProofFiles& files, std::string_view prefix) {
  ProofTexts texts;
  const auto read = [prefix](std::string_view option, const std::string& path, Readers allowed, std::string& into) {
    if (path.empty()) return std::expected<void, std::string>();
    auto text = read_named(std::string(prefix) + std::string(option), path, allowed);
    if (!text) return std::expected<void, std::string>(Wrong(std::move(text.error())));
    into = std::move(*text);
    return std::expected<void, std::string>();
  };
  auto done = read("-cert", files.certificate, Readers::kAll, texts.certificate);
  if (done) done = read("-ca", files.authority, Readers::kAll, texts.authority);
  if (done) done = read("-crl", files.revoked, Readers::kAll, texts.revoked);
  if (done) done = read("-key", files.key, Readers::kGroup, texts.key);
  if (!done) return Wrong(std::move(done.error()));
  return texts;
}

std::expected<std::shared_ptr<const Credentials>, std::string> Credentials::of_certificates(const ProofTexts& texts) {
  auto parts = std::make_unique<Parts>();
  parts->context = bare_context();
  if (parts->context == nullptr) return Wrong("OpenSSL has no memory");
  openssl::Certificate own;
  if (auto taken = take_own(parts->context, texts, own); !taken) return Wrong(std::move(taken.error()));
  if (auto taken = take_authority(parts->context, texts); !taken) return Wrong(std::move(taken.error()));
  for (const auto& [role, as] :
       {std::pair("ssl_server", "when they dial us"), std::pair("ssl_client", "when we dial")}) {
    if (std::string doubt = doubt_about(parts->context, own.get(), role, as); !doubt.empty()) {
      parts->doubts.push_back(std::move(doubt));
    }
  }
  parts->id = id_of_key(own.get());
  return std::make_shared<const Credentials>(std::move(parts));
}

std::expected<std::shared_ptr<const Credentials>, std::string> Credentials::of_server(const ProofTexts& texts) {
  auto parts = std::make_unique<Parts>();
  parts->kind = Kind::kServer;
  parts->context = bare_context();
  if (parts->context == nullptr) return Wrong("OpenSSL has no memory");
  openssl::Certificate own;
  if (auto taken = take_own(parts->context, texts, own); !taken) return Wrong(std::move(taken.error()));
  if (!texts.authority.empty()) {
    if (auto taken = take_authority(parts->context, texts); !taken) return Wrong(std::move(taken.error()));
  }
  if (std::string doubt = doubt_of_server(own.get()); !doubt.empty()) parts->doubts.push_back(std::move(doubt));
  return std::make_shared<const Credentials>(std::move(parts));
}

std::expected<std::shared_ptr<const Credentials>, std::string> Credentials::of_mesh_keys(
    const std::vector<MeshKey>& keys) {
  assert(!keys.empty());
  auto parts = std::make_unique<Parts>();
  parts->kind = Kind::kMeshKeys;
  parts->context = bare_context();
  if (parts->context == nullptr) return Wrong("OpenSSL has no memory");
  for (const MeshKey& key : keys)
    parts->keys.keys.emplace_back(key.name(), key);
  // The suites whose hash is the keys'.
  SSL_CTX_set_ciphersuites(parts->context, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
  // No authority is trusted: a far end that shows a certificate instead of the key is refused.
  SSL_CTX_set_verify(parts->context, SSL_VERIFY_PEER, nullptr);
  use_mesh_keys(parts->context, parts->keys);
  return std::make_shared<const Credentials>(std::move(parts));
}

std::expected<std::shared_ptr<const Credentials>, std::string> Credentials::of_py2p() {
  auto parts = std::make_unique<Parts>();
  parts->kind = Kind::kPy2p;
  // Older versions OpenSSL 3 has at security level 0 only, and no Python of today asks for them.
  parts->context = bare_context(TLS1_2_VERSION);
  if (parts->context == nullptr) return Wrong("OpenSSL has no memory");
  // Of TLS 1.2: with a key exchange for each connection, and AEADs. Python's own defaults begin with them since 2.7.9 and 3.4.
  const bool good = SSL_CTX_set_cipher_list(parts->context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
  if (!good || !show_fresh_certificate(parts->context)) {
    return Wrong(
        "OpenSSL, or this machine's policy for it, takes no certificate of py2p's kind (RSA of 2048 bits, SHA-256)");
  }
  SSL_CTX_set_verify(parts->context, SSL_VERIFY_NONE, nullptr);
  return std::make_shared<const Credentials>(std::move(parts));
}

Credentials::Credentials(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Credentials::~Credentials() = default;

Credentials::Kind Credentials::kind() const {
  return parts_->kind;
}

const NodeId& Credentials::id() const {
  return parts_->id;
}

const std::vector<std::string>& Credentials::doubts() const {
  return parts_->doubts;
}

ssl_ctx_st* Credentials::context() const {
  return parts_->context;
}

}  // namespace meshdict

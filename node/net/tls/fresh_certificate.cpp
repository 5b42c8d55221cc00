#include "net/tls/fresh_certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "net/tls/openssl_owned.h"

namespace meshdict {
namespace {

constexpr unsigned kKeyBits = 2048;
constexpr long kDay = 24 * 60 * 60;
constexpr long kFrom = -kDay;
constexpr long kTo = 3650 * kDay;
/// A random UUID has so many, and one more would be a sign.
constexpr int kSerialBits = 127;

bool take_random_serial(X509* certificate) {
  const openssl::Number number(BN_new());
  return number != nullptr && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool take_names(X509* certificate) {
  constexpr unsigned char kName[] = "cryptography.io";
  X509_NAME* const subject = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, kName, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool take_constraints(X509* certificate) {
  const openssl::Extension constraints(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:FALSE"));
  return constraints != nullptr && X509_add_ext(certificate, constraints.get(), -1) == 1;
}

/// Null when OpenSSL fails.
openssl::Certificate certificate_for(EVP_PKEY* key) {
  constexpr long kVersion3 = 2;
  openssl::Certificate made(X509_new());
  X509* const one = made.get();
  const bool good = one != nullptr && X509_set_version(one, kVersion3) == 1 && take_random_serial(one) &&
                    take_names(one) && X509_gmtime_adj(X509_getm_notBefore(one), kFrom) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(one), kTo) != nullptr && X509_set_pubkey(one, key) == 1 &&
                    take_constraints(one) && X509_sign(one, key, EVP_sha256()) > 0;
  return good ? std::move(made) : nullptr;
}

}  // namespace

bool show_fresh_certificate(ssl_ctx_st* context) {
  const openssl::Key key(EVP_RSA_gen(kKeyBits));
  const openssl::Certificate own = key == nullptr ? nullptr : certificate_for(key.get());
  const bool good = own != nullptr && SSL_CTX_use_certificate(context, own.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace meshdict

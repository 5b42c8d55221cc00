#include "proptests/net/certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cassert>

namespace meshdict {
namespace {

EVP_PKEY* new_key() {
  return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
}

template <typename Write>
std::string written(Write write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  const bool good = write(bio) == 1;
  assert(good);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

X509* parsed(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* const found = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  assert(found != nullptr);
  return found;
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  assert(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* blank(EVP_PKEY* key, const CertificateWishes& wishes, long serial) {
  X509* const made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), wishes.from.count());
  X509_gmtime_adj(X509_getm_notAfter(made), wishes.to.count());
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(wishes.name.c_str()), -1, -1, 0);
  return made;
}

std::string pem_of(X509* certificate) {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name)
    : key_(new_key()), own_(blank(key_, {.name = name, .usage = {}}, serial_)) {
  X509_set_issuer_name(own_, X509_get_subject_name(own_));
  add_extension(own_, own_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own_, own_, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(own_, key_, EVP_sha256());
  pem_ = pem_of(own_);
}

TestAuthority::~TestAuthority() {
  X509_free(own_);
  EVP_PKEY_free(key_);
}

Pems TestAuthority::issue(const CertificateWishes& wishes) {
  EVP_PKEY* const key = new_key();
  Pems pems = issue_for(key, wishes);
  EVP_PKEY_free(key);
  return pems;
}

Pems TestAuthority::renew(const Pems& earlier, const CertificateWishes& wishes) {
  BIO* const bio = BIO_new_mem_buf(earlier.key.data(), static_cast<int>(earlier.key.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  Pems pems = issue_for(key, wishes);
  EVP_PKEY_free(key);
  return pems;
}

Pems TestAuthority::issue_for(EVP_PKEY* key, const CertificateWishes& wishes) {
  X509* const made = blank(key, wishes, ++serial_);
  const bool itself = wishes.signer == CertificateWishes::Signer::kItself;
  X509_set_issuer_name(made, X509_get_subject_name(itself ? made : own_));
  add_extension(made, itself ? made : own_, NID_ext_key_usage, wishes.usage);
  X509_sign(made, itself ? key : key_, EVP_sha256());
  Pems pems{.certificate = pem_of(made),
            .key = written(
                [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); })};
  X509_free(made);
  return pems;
}

std::string TestAuthority::revoke(const std::string& certificate) {
  X509_CRL* const list = X509_CRL_new();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(own_));
  ASN1_TIME* const time = ASN1_TIME_new();
  X509_gmtime_adj(time, -60);
  X509_CRL_set1_lastUpdate(list, time);
  if (!certificate.empty()) {
    X509* const revoked = parsed(certificate);
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(list, entry);
    X509_free(revoked);
  }
  X509_gmtime_adj(time, 3600);
  X509_CRL_set1_nextUpdate(list, time);
  ASN1_TIME_free(time);
  X509_CRL_sign(list, key_, EVP_sha256());
  std::string pem = written([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list); });
  X509_CRL_free(list);
  return pem;
}

}  // namespace meshdict

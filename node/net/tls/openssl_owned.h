#pragma once
// OpenSSL's objects, each with the function that frees it.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <memory>

namespace meshdict::openssl {

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* one) const { Free(one); }
};

using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Revoked = std::unique_ptr<X509_CRL, Freed<X509_CRL, X509_CRL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION, X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;

}  // namespace meshdict::openssl

#pragma once
// Certificates for tests, as PEM texts. Keys are of P-256: quick to make.

#include <chrono>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace meshdict {

struct CertificateWishes {
  std::string name = "node";
  std::chrono::seconds from{-3600};  ///< against now
  std::chrono::seconds to{3600};
  std::string usage = "serverAuth,clientAuth";
  enum class Signer { kAuthority, kItself } signer = Signer::kAuthority;
};

/// A certificate and its key.
struct Pems {
  std::string certificate;
  std::string key;
};

/// One that signs others.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] const std::string& certificate() const { return pem_; }
  Pems issue(const CertificateWishes& wishes = {});
  /// A new certificate for the key of an earlier one.
  Pems renew(const Pems& earlier, const CertificateWishes& wishes = {});
  /// The list of revoked certificates, with this one in it; empty text: with none.
  std::string revoke(const std::string& certificate);

 private:
  Pems issue_for(evp_pkey_st* key, const CertificateWishes& wishes);

  long serial_ = 1;
  evp_pkey_st* key_;
  x509_st* own_;
  std::string pem_;
};

}  // namespace meshdict

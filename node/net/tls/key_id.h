#pragma once
#include "core/base/ids.h"

struct x509_st;

namespace meshdict {

/// The id that a certificate's key proves: base58 of the SHA-384 of its SubjectPublicKeyInfo.
NodeId id_of_key(const x509_st* certificate);

}  // namespace meshdict

#pragma once
// All of the embeddable API but coroutine.h, which needs Asio.

#include "meshdict/emitter.h"      // IWYU pragma: export
#include "meshdict/errors.h"       // IWYU pragma: export
#include "meshdict/machine.h"      // IWYU pragma: export
#include "meshdict/mesh_socket.h"  // IWYU pragma: export
#include "meshdict/message.h"      // IWYU pragma: export
#include "meshdict/snapshot.h"     // IWYU pragma: export
#include "meshdict/sync_socket.h"  // IWYU pragma: export
#include "meshdict/tls.h"          // IWYU pragma: export
#include "meshdict/value.h"        // IWYU pragma: export

#pragma once
#include <string>
#include <string_view>

#include "app/http/request.h"
#include "core/base/time.h"

namespace meshdict {

struct HttpResponse {
  int status = 200;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
  /// What the page may load and run; empty: nothing at all.
  std::string policy;
  /// Names this version of the body, so that a client may keep it; empty: nobody keeps it.
  std::string tag;
};

/// One line of text.
HttpResponse text_response(int status, std::string_view line);
HttpResponse response_of(const HttpFault& fault);

/// The bytes that are sent. With the fields that keep a browser from showing our data to others (RFC 9110; Fetch; CSP 3): no
/// guessed types, no frames, no other origin.
std::string wire_of(const HttpResponse& response, HttpMethod method, bool keep_alive, WallTime now);

}  // namespace meshdict

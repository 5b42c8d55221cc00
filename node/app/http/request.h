#pragma once
// Requests of HTTP/1.1 (RFC 9112), as far as a server of pages needs them: a head of bounded size, and no body.
//
// 1. The syntax is Boost.Beast's to judge, which is strict; see decision 0012. Here is only what a page's server adds: no bodies, one
//    Host, a target that is a path.
// 2. Nothing is decoded before it is asked for, and no wrong escape is let through.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace meshdict {

enum class HttpMethod : std::uint8_t { kGet, kHead, kOther };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string path;   ///< as sent, up to a '?'
  std::string query;  ///< behind it
  std::string
      host;  ///< the name or address of the field Host, in small letters, without port and brackets; may be empty
  std::string known;  ///< If-None-Match: what the client has
  bool keep_alive = true;
};

/// Why a request is refused. The connection ends with it.
struct HttpFault {
  int status = 400;
  std::string why;  ///< for the client, one line
};

/// Reads a head: all up to and with its empty line. REQUIRES: it ends with that.
std::expected<HttpRequest, HttpFault> parse_request(std::string_view head);

/// The value of one parameter of a query, decoded; nothing when it is not there. Fault: a wrong escape, or given twice.
std::expected<std::optional<std::string>, HttpFault> query_value(std::string_view query, std::string_view name);

/// What a client sends, until a head is complete. Holds no more than a head and one read.
class HttpHead {
 public:
  /// Error: no head can become of it.
  std::expected<void, HttpFault> feed(std::string_view bytes);
  [[nodiscard]] bool complete() const { return end_ != 0; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// The head, which is taken out; what came behind it is the beginning of the next, which feed() looks at, be it fed nothing.
  /// REQUIRES: complete().
  std::string take();

 private:
  std::expected<void, HttpFault> look();

  std::string bytes_;
  std::size_t looked_ = 0;  ///< so far there is no end
  std::size_t end_ = 0;     ///< of the head; 0: not there yet
};

}  // namespace meshdict

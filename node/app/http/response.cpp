#include "app/http/response.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace meshdict {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

/// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string date_of(WallTime now) {
  static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::time_t seconds = unix_seconds(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                     kDays.substr(3 * static_cast<std::size_t>(utc.tm_wday), 3), utc.tm_mday,
                     kMonths.substr(3 * static_cast<std::size_t>(utc.tm_mon), 3), utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

}  // namespace

HttpResponse text_response(int status, std::string_view line) {
  return {.status = status, .body = std::string(line) + "\n", .policy = {}, .tag = {}};
}

HttpResponse response_of(const HttpFault& fault) {
  return text_response(fault.status, fault.why);
}

std::string wire_of(const HttpResponse& response, HttpMethod method, bool keep_alive, WallTime now) {
  std::string wire =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_of(response.status), date_of(now));
  const auto out = std::back_inserter(wire);
  if (response.status != 304) {
    fmt::format_to(out, "Content-Type: {}\r\nContent-Length: {}\r\n", response.type, response.body.size());
  }
  if (response.status == 405) wire += "Allow: GET, HEAD\r\n";
  if (response.tag.empty()) {
    wire += "Cache-Control: no-store\r\n";
  } else {
    fmt::format_to(out, "Cache-Control: no-cache\r\nETag: \"{}\"\r\n", response.tag);
  }
  fmt::format_to(out, "Content-Security-Policy: {}\r\n",
                 response.policy.empty() ? "default-src 'none'; frame-ancestors 'none'" : response.policy);
  wire +=
      "X-Content-Type-Options: nosniff\r\n"
      "X-Frame-Options: DENY\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\n"
      "Cross-Origin-Opener-Policy: same-origin\r\n";
  fmt::format_to(out, "Connection: {}\r\n\r\n", keep_alive ? "keep-alive" : "close");
  if (method != HttpMethod::kHead && response.status != 304) wire += response.body;
  return wire;
}

}  // namespace meshdict

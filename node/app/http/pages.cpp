#include "app/http/pages.h"

#include <fmt/format.h>
#include <nettle/base64.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "app/figures/health.h"
#include "app/http/json_views.h"
#include "app/http/limits.h"
#include "app/http/page_sources.h"
#include "app/log/log.h"
#include "core/base/parse_number.h"
#include "core/base/sha256.h"

namespace meshdict {
namespace {

std::string base64(std::string_view bytes) {
  std::string made(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(made.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return made;
}

std::string replaced(std::string_view text, std::string_view mark, std::string_view by) {
  const std::size_t at = text.find(mark);
  return std::string(text.substr(0, at)).append(by).append(text.substr(at + mark.size()));
}

/// The page, with a policy by which a browser runs the script that we have written and no other, whatever a value says.
HttpResponse whole_page() {
  const auto hash = [](std::string_view text) { return "'sha256-" + base64(sha256(text).view()) + "'"; };
  HttpResponse page;
  page.type = "text/html; charset=utf-8";
  page.body = replaced(replaced(kPageFrame, "@STYLE@", kPageStyle), "@SCRIPT@", kPageScript);
  page.policy = fmt::format(
      "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'",
      hash(kPageScript), hash(kPageStyle));
  page.tag = base64(sha256(page.body).view());
  return page;
}

HttpResponse json_response(std::string body) {
  return {.status = 200, .type = kJsonType, .body = std::move(body), .policy = {}, .tag = {}};
}

/// A number of the query; `absent` when it is not there.
std::expected<std::uint64_t, HttpFault> number(const HttpRequest& request, std::string_view name,
                                               std::uint64_t absent) {
  const auto text = query_value(request.query, name);
  if (!text) return std::unexpected(text.error());
  if (!*text || (*text)->empty()) return absent;
  const auto value = parse_number<std::uint64_t>(**text);
  if (!value) return std::unexpected(HttpFault{.status = 400, .why = fmt::format("'{}' is to be a number", name)});
  return *value;
}

}  // namespace

struct HttpPages::Route {
  std::string_view path;
  HttpResponse (HttpPages::*answer)(const HttpRequest& request);
};

HttpPages::HttpPages(const RespService& service, HttpHosts hosts, std::string data_dir, const Random& random)
    : service_(service),
      hosts_(std::move(hosts)),
      facts_{.data_dir = std::move(data_dir), .answers = {}, .connections = 0},
      cursors_(random.stream("http cursors").next()),
      page_(whole_page()) {}

const HttpPages::Route* HttpPages::route_of(std::string_view path) {
  static constexpr std::array kRoutes{
      Route{"/", &HttpPages::page},           Route{"/conflicts", &HttpPages::conflicts},
      Route{"/healthz", &HttpPages::healthz}, Route{"/keys", &HttpPages::keys},
      Route{"/metrics", &HttpPages::metrics}, Route{"/readyz", &HttpPages::readyz},
      Route{"/status", &HttpPages::status},
  };
  const auto* const found = std::ranges::find(kRoutes, path, &Route::path);
  return found == kRoutes.end() ? nullptr : found;
}

HttpResponse HttpPages::answer(const HttpRequest& request) {
  if (!hosts_.admits(request.host)) {
    return text_response(
        403, fmt::format("this node does not answer to the name '{}': use an address or localhost, or start "
                         "it with --http-host",
                         printable(request.host, 80)));
  }
  if (request.method == HttpMethod::kOther) return text_response(405, "here is GET and HEAD only");
  const Route* const route = route_of(request.path);
  if (route == nullptr) {
    return text_response(404, "there are /, /status, /keys, /conflicts, /metrics, /healthz and /readyz");
  }
  return (this->*route->answer)(request);
}

HttpResponse HttpPages::page(const HttpRequest& request) {
  if (request.known != "\"" + page_.tag + "\"") return page_;
  HttpResponse same = page_;
  same.status = 304;
  same.body.clear();
  return same;
}

HttpResponse HttpPages::metrics(const HttpRequest& /*request*/) {
  return {.status = 200, .type = kMetricsType, .body = metrics_text(service_, facts_), .policy = {}, .tag = {}};
}

HttpResponse HttpPages::healthz(const HttpRequest& /*request*/) {
  // That there is an answer says it: the loop turns.
  return text_response(200, "ok");
}

HttpResponse HttpPages::readyz(const HttpRequest& /*request*/) {
  const auto reasons = reasons_not_ready(service_);
  if (reasons.empty()) return text_response(200, "ready");
  return text_response(503, fmt::format("{}", fmt::join(reasons, "\n")));
}

HttpResponse HttpPages::status(const HttpRequest& /*request*/) {
  return json_response(status_json(service_, facts_));
}

HttpResponse HttpPages::keys(const HttpRequest& request) {
  auto prefix = query_value(request.query, "prefix");
  if (!prefix) return response_of(prefix.error());
  const auto cursor = number(request, "cursor", 0);
  if (!cursor) return response_of(cursor.error());
  const auto limit = number(request, "limit", http_limits::kKeys);
  if (!limit) return response_of(limit.error());
  KeysWanted wanted{.prefix = std::move(*prefix).value_or(""),
                    .behind = {},
                    .from_start = *cursor == 0,
                    .limit = std::clamp<std::size_t>(*limit, 1, http_limits::kMaxKeys)};
  if (!wanted.from_start) {
    auto behind = cursors_.take(*cursor, kAnybody);
    if (!behind) return text_response(400, "this cursor is unknown here, or forgotten: begin again without one");
    wanted.behind = std::move(*behind);
  }
  return json_response(keys_json(service_, wanted, cursors_));
}

HttpResponse HttpPages::conflicts(const HttpRequest& request) {
  const auto after = number(request, "after", 0);
  if (!after) return response_of(after.error());
  return json_response(conflicts_json(service_, *after));
}

}  // namespace meshdict

#include "app/http/request.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cctype>
#include <utility>

#include "app/http/limits.h"

namespace meshdict {
namespace {

namespace beast = boost::beast::http;

constexpr std::string_view kEndOfHead = "\r\n\r\n";

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

/// "[::1]:80" is "::1", "localhost:80" is "localhost". What is neither a name nor an address stays as it is, and so has no right.
std::string host_of(std::string_view field) {
  if (!field.starts_with('[')) return lower(field.substr(0, field.find(':')));
  const std::size_t end = field.find(']');
  const bool whole = end != std::string_view::npos && (end + 1 == field.size() || field[end + 1] == ':');
  return lower(whole ? field.substr(1, end - 1) : field);
}

HttpMethod method_of(beast::verb verb) {
  if (verb == beast::verb::get) return HttpMethod::kGet;
  return verb == beast::verb::head ? HttpMethod::kHead : HttpMethod::kOther;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::expected<std::string, HttpFault> decoded(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      made += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (!low)
      return std::unexpected(HttpFault{.status = 400, .why = "a '%' in the query without two digits behind it"});
    made += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return made;
}

}  // namespace

std::expected<HttpRequest, HttpFault> parse_request(std::string_view head) {
  const auto fault = [](int status, std::string why) {
    return std::unexpected(HttpFault{.status = status, .why = std::move(why)});
  };
  beast::request_parser<beast::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(http_limits::kMaxHead));
  parser.body_limit(std::uint64_t{0});
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error == beast::error::bad_version) return fault(505, "this is a server of HTTP/1.1");
  if (error == beast::error::header_limit) return fault(431, "the head of the request is too large");
  const bool has_body = error == beast::error::body_limit;
  if (!has_body && (error || !parser.is_header_done())) {
    return fault(400, "not a request of HTTP/1.1: " + error.message());
  }
  const auto& message = parser.get();
  if (has_body || parser.chunked()) {
    if (method_of(message.method()) == HttpMethod::kOther) return fault(405, "here is GET and HEAD only");
    return fault(413, "no request here has a body");
  }
  const auto hosts = message.count(beast::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) return fault(400, "a request has one Host field");

  HttpRequest request;
  request.method = method_of(message.method());
  request.keep_alive = message.keep_alive();
  const std::string_view target = view(message.target());
  if (!target.starts_with('/')) return fault(400, "the target of a request here is a path");
  const std::size_t mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  request.query = target.substr(std::min(mark + 1, target.size()));
  request.host = host_of(view(message[beast::field::host]));
  request.known = view(message[beast::field::if_none_match]);
  return request;
}

std::expected<std::optional<std::string>, HttpFault> query_value(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    if (found) return std::unexpected(HttpFault{.status = 400, .why = "'" + std::string(name) + "' is given twice"});
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return std::unexpected(std::move(value.error()));
    found = std::move(*value);
  }
  return found;
}

std::expected<void, HttpFault> HttpHead::feed(std::string_view bytes) {
  bytes_.append(bytes);
  return look();
}

std::string HttpHead::take() {
  std::string head = bytes_.substr(0, end_);
  bytes_.erase(0, end_);
  end_ = 0;
  looked_ = 0;
  return head;
}

std::expected<void, HttpFault> HttpHead::look() {
  if (complete() || bytes_.empty()) return {};
  // A TLS hello, a command of Redis, a frame of the mesh: who sends these waits for an answer and sends no more.
  if (std::isupper(static_cast<unsigned char>(bytes_.front())) == 0) {
    return std::unexpected(HttpFault{.status = 400, .why = "this port speaks plain HTTP, and nothing else"});
  }
  const std::size_t end = bytes_.find(kEndOfHead, looked_);
  if (end != std::string::npos && end + kEndOfHead.size() <= http_limits::kMaxHead) {
    end_ = end + kEndOfHead.size();
  } else if (bytes_.size() >= http_limits::kMaxHead) {
    return std::unexpected(HttpFault{.status = 431, .why = "the head of the request is too large"});
  } else {
    looked_ = bytes_.size() - std::min(bytes_.size(), kEndOfHead.size() - 1);
  }
  return {};
}

}  // namespace meshdict

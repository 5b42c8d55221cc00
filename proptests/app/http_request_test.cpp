// Requests of HTTP as bytes: what is taken, what is refused and with which status, whatever the pieces in which it comes.

#include "app/http/request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "app/http/hosts.h"
#include "app/http/limits.h"
#include "app/http/response.h"

namespace meshdict {
namespace {

std::string get(const std::string& target, const std::string& fields = "Host: localhost\r\n") {
  return "GET " + target + " HTTP/1.1\r\n" + fields + "\r\n";
}

int status_of(const std::string& head) {
  const auto request = parse_request(head);
  return request ? 200 : request.error().status;
}

TEST(HttpRequests, AHeadIsRead) {
  const auto request = parse_request(
      "HEAD /keys?prefix=a%20b&limit=5 HTTP/1.1\r\nhOsT: [::1]:8080\r\nIf-None-Match: \"x\"\r\nConnection: "
      "close\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, HttpMethod::kHead);
  EXPECT_EQ(request->path, "/keys");
  EXPECT_EQ(request->query, "prefix=a%20b&limit=5");
  EXPECT_EQ(request->host, "::1");
  EXPECT_EQ(request->known, "\"x\"");
  EXPECT_FALSE(request->keep_alive);
}

TEST(HttpRequests, AHostIsReadWithoutItsPort) {
  for (const auto& [field, host] : std::vector<std::pair<std::string, std::string>>{{"LocalHost:80", "localhost"},
                                                                                    {"127.0.0.1", "127.0.0.1"},
                                                                                    {"[::1]", "::1"},
                                                                                    {"a.b:1:2", "a.b"},
                                                                                    {"[", "["},
                                                                                    {"[::1].b", "[::1].b"},
                                                                                    {"", ""}}) {
    const auto request = parse_request(get("/", "Host: " + field + "\r\n"));
    ASSERT_TRUE(request) << field;
    EXPECT_EQ(request->host, host);
  }
}

TEST(HttpRequests, WhatIsNoneIsRefusedWithItsStatus) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/3.1\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"), 413);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 413);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"), 405);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200);
}

TEST(HttpRequests, AQueryIsDecodedWhereItIsAskedFor) {
  EXPECT_EQ(*query_value("a=1&prefix=x%2By+z&b", "prefix"), "x+y z");
  EXPECT_EQ(*query_value("a=1&b", "b"), "");
  EXPECT_EQ(*query_value("ab=1", "a"), std::nullopt);
  EXPECT_EQ(*query_value("", "a"), std::nullopt);
  for (const char* wrong : {"a=%", "a=%4", "a=%4g", "a=1&a=1"})
    EXPECT_EQ(query_value(wrong, "a").error().status, 400) << wrong;
}

RC_GTEST_PROP(HttpRequests, AnyBytesAreARequestOrAFault, ()) {
  const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto request = parse_request("GET /" + bytes + "\r\n\r\n");
  if (!request) RC_ASSERT(request.error().status >= 400);
}

RC_GTEST_PROP(HttpRequests, PiecesDoNotMatter, ()) {
  const auto count = *rc::gen::inRange(1, 5);
  std::string bytes;
  std::vector<std::string> heads;
  for (int i = 0; i < count; ++i) {
    heads.push_back(get("/" + std::to_string(i),
                        "Host: a\r\nX: " + std::string(*rc::gen::inRange<std::size_t>(1, 200), 'x') + "\r\n"));
    bytes += heads.back();
  }
  HttpHead head;
  std::vector<std::string> found;
  while (!bytes.empty()) {
    const std::size_t piece = *rc::gen::inRange<std::size_t>(1, bytes.size() + 1);
    RC_ASSERT(head.feed(bytes.substr(0, piece)).has_value());
    bytes.erase(0, piece);
    while (head.complete()) {
      found.push_back(head.take());
      RC_ASSERT(head.feed({}).has_value());
    }
  }
  RC_ASSERT(found == heads);
  RC_ASSERT(head.empty());
}

TEST(HttpRequests, AHeadHasABound) {
  HttpHead head;
  ASSERT_TRUE(head.feed("GET / HTTP/1.1\r\nX: "));
  std::size_t fed = 0;
  auto good = head.feed({});
  for (; good && fed < 2 * http_limits::kMaxHead; fed += 100)
    good = head.feed(std::string(100, 'x'));
  ASSERT_FALSE(good);
  EXPECT_EQ(good.error().status, 431);
  EXPECT_LE(fed, http_limits::kMaxHead + 100);

  HttpHead at_once;
  const auto refused = at_once.feed(get("/", "Host: a\r\nX: " + std::string(http_limits::kMaxHead, 'x') + "\r\n"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 431);
}

TEST(HttpRequests, WhoSpeaksAnotherProtocolIsToldAtOnce) {
  for (const std::string bytes : {"\x16\x03\x01", "*1\r\n", "ping\r\n", "\r\n"}) {
    HttpHead head;
    const auto fed = head.feed(bytes);
    ASSERT_FALSE(fed) << bytes;
    EXPECT_EQ(fed.error().status, 400);
  }
}

TEST(HttpHosts, OnlyWhatCannotBeAStrangersName) {
  const HttpHosts hosts({"Node1.example", "0.0.0.0"});
  for (const char* good : {"", "localhost", "a.localhost", "127.0.0.1", "10.1.2.3", "::1", "fe80::1", "node1.example"})
    EXPECT_TRUE(hosts.admits(good)) << good;
  for (const char* bad :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "node1.example.evil", "127.1"})
    EXPECT_FALSE(hosts.admits(bad)) << bad;
}

TEST(HttpAnswers, EachSaysWhatABrowserMayDoWithIt) {
  const std::string wire = wire_of(text_response(404, "nothing"), HttpMethod::kGet, true, WallTime(784'111'777s));
  EXPECT_TRUE(wire.starts_with("HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  for (const char* field :
       {"Content-Length: 8\r\n", "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
        "Cross-Origin-Resource-Policy: same-origin\r\n", "X-Frame-Options: DENY\r\n", "Connection: keep-alive\r\n"})
    EXPECT_NE(wire.find(field), std::string::npos) << field;
  EXPECT_TRUE(wire.ends_with("\r\n\r\nnothing\n"));
}

TEST(HttpAnswers, AHeadHasNoBody) {
  const std::string wire = wire_of(text_response(200, "text"), HttpMethod::kHead, false, WallTime(0s));
  EXPECT_NE(wire.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_NE(wire.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(wire.ends_with("\r\n\r\n"));
  EXPECT_NE(wire_of(text_response(405, "no"), HttpMethod::kGet, true, WallTime(0s)).find("Allow: GET, HEAD\r\n"),
            std::string::npos);
}

}  // namespace
}  // namespace meshdict

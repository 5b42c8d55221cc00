// What a client of the HTTP endpoint may write: however it is divided, the same requests and refusals come out.

#include <cstdlib>
#include <string>
#include <vector>

#include "app/http/request.h"
#include "bytes.h"

using namespace meshdict;

namespace {

std::string told(const HttpFault& fault) {
  return std::to_string(fault.status) + fault.why;
}

/// All requests of a stream that arrives in pieces of `piece` bytes, up to the first of which the head is none.
std::vector<std::string> requests_of(std::string_view stream, std::size_t piece) {
  std::vector<std::string> requests;
  HttpHead head;
  while (!stream.empty()) {
    auto good = head.feed(stream.substr(0, piece));
    stream.remove_prefix(std::min(piece, stream.size()));
    for (; good && head.complete(); good = head.feed({})) {
      const auto request = parse_request(head.take());
      requests.push_back(request ? request->path + '\n' + request->query + '\n' + request->host
                                 : told(request.error()));
      if (request) static_cast<void>(query_value(request->query, "prefix"));
    }
    if (!good) {
      requests.push_back(told(good.error()));
      break;
    }
  }
  return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  const std::size_t piece = 1 + in.below(64);
  const std::string_view stream = in.rest();
  if (requests_of(stream, piece) != requests_of(stream, stream.size() + 1)) std::abort();
  return 0;
}

#pragma once
// What the HTTP endpoint answers: a table of paths.
//
// 1. Nothing here changes the node: all that is asked for is read.
// 2. An answer is made in one go, within some milliseconds whatever the mesh and the dictionary hold: lists are cut, and say so.
// 3. A request whose Host is no name of this node is answered nothing (hosts.h).
//
// Not thread-safe.

#include <string>

#include "app/http/hosts.h"
#include "app/http/metrics.h"
#include "app/http/request.h"
#include "app/http/response.h"
#include "app/resp/scan_cursors.h"
#include "app/resp/service.h"
#include "core/base/random.h"

namespace meshdict {

class HttpPages {
 public:
  /// `service` outlives this. `data_dir`: empty for none.
  HttpPages(const RespService& service, HttpHosts hosts, std::string data_dir, const Random& random);

  HttpResponse answer(const HttpRequest& request);
  /// For /metrics; whoever serves the pages counts.
  HttpFacts& facts() { return facts_; }

 private:
  struct Route;
  static const Route* route_of(std::string_view path);

  HttpResponse page(const HttpRequest& request);
  HttpResponse metrics(const HttpRequest& request);
  HttpResponse healthz(const HttpRequest& request);
  HttpResponse readyz(const HttpRequest& request);
  HttpResponse status(const HttpRequest& request);
  HttpResponse keys(const HttpRequest& request);
  HttpResponse conflicts(const HttpRequest& request);

  const RespService& service_;
  HttpHosts hosts_;
  HttpFacts facts_;
  ScanCursors cursors_;
  HttpResponse page_;
};

}  // namespace meshdict

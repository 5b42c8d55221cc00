#pragma once
// Which names a request may give the node, against DNS rebinding: a page of a stranger's whose name is made to lead to this
// machine, and whose scripts the browser then lets read what is here. Its requests carry that name in their Host field.
//
// Let through are localhost and names below it, addresses (a name that leads elsewhere is none), the host of --http, and what
// --http-host names.

#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

class HttpHosts {
 public:
  /// In any case.
  explicit HttpHosts(const std::vector<std::string>& named);
  /// `host`: in small letters, without port. An old client of HTTP/1.0 may give none: no browser does.
  [[nodiscard]] bool admits(std::string_view host) const;

 private:
  std::vector<std::string> named_;
};

}  // namespace meshdict

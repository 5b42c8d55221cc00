#include "core/env/store.h"

#include <algorithm>

namespace meshdict {

std::string StoreError::describe() const {
  std::string text = path.empty() ? what : "data directory '" + path + "': " + what;
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; }, '?');
  return text;
}

}  // namespace meshdict

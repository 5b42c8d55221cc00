#pragma once
// One function object made of several, for std::visit: a type that none of them takes does not compile.

namespace meshdict {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace meshdict

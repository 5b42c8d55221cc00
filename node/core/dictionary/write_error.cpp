#include "core/dictionary/write_error.h"

#include "core/dictionary/explain.h"

namespace meshdict {
namespace {

struct Describe {
  std::string operator()(const Leased& leased) const {
    return std::string(leased.owner.text()) + " holds this key for " + seconds_left_text(leased.left);
  }
  std::string operator()(const BadKey& key) const { return key.what; }
  std::string operator()(const BadValue& value) const { return value.what; }
  std::string operator()(const NoSuchKey& /*none*/) const { return "no such key"; }
  std::string operator()(const NoRoom& /*none*/) const {
    return "the disk is full: nothing is written but deletions until there is room";
  }
  std::string operator()(const WrongClock& wrong) const {
    return "our clock is " + distance_text(wrong.ahead) +
           " those of most neighbours, more than members allow: no key can be claimed here until it is right";
  }
};

}  // namespace

std::string describe(const WriteError& error) {
  return std::visit(Describe{}, error);
}

}  // namespace meshdict

#pragma once
#include <expected>
#include <string>

namespace meshdict {

/// The first line of stdin, without showing it on a terminal, which is asked there. Error text for the operator.
std::expected<std::string, std::string> read_password();

}  // namespace meshdict

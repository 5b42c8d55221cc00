#pragma once
// What people are used to from Redis and find otherwise here: what they are told.

#include <span>
#include <string>
#include <string_view>

namespace meshdict {

/// Of a command of Redis that is not here: why, and what to use instead, as a part of a line. Empty for what is no command of Redis
/// that people know. `name` in any case.
std::string_view instead_of(std::string_view name);

/// The error for a command that is not there. `arguments` begin with its name.
std::string unknown_command(std::span<const std::string_view> arguments);

/// Redis hangs up on these names: a browser that was made to send HTTP here would otherwise run its body as commands.
bool is_http(std::string_view name);

}  // namespace meshdict

#pragma once
// What the values of options mean. Each reader throws a CLI::ValidationError that names the option and says what would be right.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "app/log/log.h"
#include "core/env/transport.h"

namespace meshdict {

Endpoint read_endpoint(const char* option, const std::string& text);
/// The place of `text` among the choices, of which there are two at least; in any case.
std::size_t read_choice(const char* option, const std::string& text, std::initializer_list<std::string_view> choices);
std::int64_t read_whole_number(const char* option, const std::string& text, std::int64_t least, std::int64_t most);
LogLevel read_log_level(const char* option, const std::string& text);
/// Bytes; 0 for none at all.
std::uint64_t read_size(const char* option, const std::string& text, std::uint64_t least);

}  // namespace meshdict

#pragma once
// Reads commands of the Redis protocol (RESP2, https://redis.io/docs/reference/protocol-spec/): arrays of bulk strings,
// and inline lines.
//
// 1. However the bytes are divided into pieces, the same commands come out.
// 2. Nothing in the bytes is trusted: every count and length is checked against resp_limits before it is used; memory
//    follows what has arrived, never what was announced.
// 3. Arguments are views into the caller's bytes; nothing is copied, but for quoted inline arguments.
// 4. The work is linear in the bytes: a partial command is taken up where it was left.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshdict {

class RespParser {
 public:
  enum class Result : std::uint8_t {
    kCommand,  ///< arguments() holds one command; consumed() bytes are done with
    kNothing,  ///< an empty command: consumed() bytes are done with
    kPartial,  ///< needs more bytes
    kError,    ///< error() says why; the connection cannot go on
  };

  /// Looks for one command at the start of `bytes`. After kPartial, the next call must pass the same bytes with more
  /// behind them (they may have moved). After kCommand or kNothing, it passes what follows the consumed bytes.
  Result next(std::string_view bytes);

  /// From the next command on: whether bounds are those of a client that has yet to log in.
  void bound_as_stranger(bool stranger) { stranger_ = stranger; }

  /// At least one; valid as long as the bytes and until the next call.
  [[nodiscard]] std::span<const std::string_view> arguments() const { return arguments_; }
  [[nodiscard]] std::size_t consumed() const { return position_; }
  /// As Redis words it, without "ERR".
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Slice {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };
  enum class Line : std::uint8_t { kFound, kMissing, kTooLong };

  void begin();
  Result fail(std::string what);
  Result array(std::string_view bytes);
  Result bulk_header(std::string_view bytes);
  Result inline_command(std::string_view bytes);
  bool split_quoted(std::string_view line);
  [[nodiscard]] std::size_t longest_line() const;
  Line line(std::string_view bytes, std::string_view& found);
  /// The number before arguments: it ends at the carriage return, and the byte behind that is not looked at, as in Redis.
  Line header(std::string_view bytes, std::string_view& found);
  Result finish(std::string_view bytes);

  static constexpr std::int64_t kNoLength = -1;

  bool stranger_ = false;
  bool fresh_ = true;                ///< the next call begins a command
  bool in_array_ = false;            ///< the count of arguments has been read
  std::int64_t missing_ = 0;         ///< arguments still to come
  std::int64_t length_ = kNoLength;  ///< of the argument that is being read
  std::size_t position_ = 0;         ///< read up to here
  std::size_t searched_ = 0;         ///< no line end before here
  std::vector<Slice> slices_;
  std::vector<std::string> unquoted_;
  std::vector<std::string_view> arguments_;
  std::string error_;
};

}  // namespace meshdict

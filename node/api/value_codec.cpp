// Values as MessagePack.

#include <cstddef>
#include <cstdint>
#include <msgpack/null_visitor.hpp>
#include <msgpack/unpack.hpp>
#include <utility>
#include <vector>

#include "core/encoding/msgpack.h"
#include "core/encoding/value.h"
#include "core/limits.h"
#include "meshdict/errors.h"
#include "meshdict/value.h"

namespace meshdict {
namespace {

void write(const Value& value, MsgpackWriter& to, std::size_t depth);

struct Nested {
  MsgpackWriter& to;
  std::size_t depth;

  /// Checked while writing, since what is nested too deep could exhaust the stack first.
  void enter() const {
    if (depth >= limits::kMaxDepth) throw ValueError("nested too deeply");
  }
  void operator()(const Value::Array& array) const {
    enter();
    to.array(static_cast<std::uint32_t>(array.size()));
    for (const Value& item : array)
      write(item, to, depth + 1);
  }
  void operator()(const Value::Map& map) const {
    enter();
    to.map(static_cast<std::uint32_t>(map.size()));
    for (const auto& [key, item] : map) {
      to.str(key);
      write(item, to, depth + 1);
    }
  }
};

void write(const Value& value, MsgpackWriter& to, std::size_t depth) {
  switch (value.type()) {
    case Value::Type::kNil:
      to.nil();
      return;
    case Value::Type::kBool:
      to.boolean(*value.if_bool());
      return;
    case Value::Type::kInteger:
      if (const auto number = value.if_signed()) {
        to.integer(*number);
      } else {
        to.integer(*value.if_unsigned());
      }
      return;
    case Value::Type::kReal:
      to.real(*value.if_real());
      return;
    case Value::Type::kText:
      to.str(*value.if_text());
      return;
    case Value::Type::kBytes:
      to.bin(value.if_bytes()->data);
      return;
    case Value::Type::kArray:
      Nested{to, depth}(*value.if_array());
      return;
    case Value::Type::kMap:
      Nested{to, depth}(*value.if_map());
      return;
  }
}

/// Puts a value together while msgpack-c walks over its bytes. `open_` holds the containers that have begun, the
/// innermost last, each with its key in the one around it.
class Builder : public msgpack::null_visitor {
 public:
  bool visit_nil() { return put({}); }
  bool visit_boolean(bool value) { return put(value); }
  bool visit_positive_integer(std::uint64_t value) { return put(Value::integer(value)); }
  bool visit_negative_integer(std::int64_t value) { return put(Value::integer(value)); }
  bool visit_float32(float value) { return put(static_cast<double>(value)); }
  bool visit_float64(double value) { return put(value); }
  bool visit_str(const char* data, std::uint32_t size) { return put(std::string(data, size)); }
  bool visit_bin(const char* data, std::uint32_t size) { return put(Bytes{std::string(data, size)}); }
  bool visit_ext(const char* /*data*/, std::uint32_t /*size*/) { return put({}); }
  bool start_array(std::uint32_t /*size*/) { return open(Value::Array{}); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t /*size*/) { return open(Value::Map{}); }
  bool start_map_key() {
    open_.back().reads_key = true;
    return true;
  }
  bool end_map_key() {
    open_.back().reads_key = false;
    return true;
  }
  bool end_map() { return close(); }

  Value take() { return std::move(done_); }

 private:
  struct Open {
    // Of an array.
    Value::Array items;
    // Of a map.
    Value::Map entries;
    std::string key;
    bool is_map = false;
    bool reads_key = false;
  };

  bool open(const Value& empty) {
    if (open_.size() >= limits::kMaxDepth) return false;
    open_.emplace_back().is_map = empty.is_map();
    return true;
  }
  bool close() {
    Open last = std::move(open_.back());
    open_.pop_back();
    return put(last.is_map ? Value(std::move(last.entries)) : Value(std::move(last.items)));
  }
  bool put(Value value) {
    if (open_.empty()) {
      done_ = std::move(value);
      return true;
    }
    Open& into = open_.back();
    if (into.reads_key) {
      const auto text = value.to<std::string>();
      into.key = text ? *text : value.json();
    } else if (into.is_map) {
      into.entries.insert_or_assign(std::move(into.key), std::move(value));
    } else {
      into.items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  Value done_;
};

}  // namespace

std::string Value::packed() const {
  Raw bytes;
  MsgpackWriter writer(bytes);
  write(*this, writer, 0);
  if (auto good = check_value(bytes); !good) throw ValueError(good.error());
  return bytes;
}

Value Value::unpacked(std::string_view bytes) {
  Builder builder;
  std::size_t end = 0;
  if (!msgpack::parse(bytes.data(), bytes.size(), end, builder) || end != bytes.size()) {
    throw ValueError("not one complete MessagePack value");
  }
  return builder.take();
}

}  // namespace meshdict

#include "core/attendance.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "core/msgpack.h"

namespace meshdict {
namespace {

/// [state, running since, seen, memory, compared, in step]: the times as readings of a hybrid clock.
constexpr std::string_view kMetaAttendance = "attendance";
constexpr std::size_t kElements = 6;

using Stored = std::array<std::uint64_t, kElements>;

std::expected<Stored, std::string> decode(std::string_view bytes) {
  MsgpackCursor cursor(bytes);
  const auto size = cursor.array_size();
  if (!size || *size < kElements) return std::unexpected("the stored attendance is damaged");
  Stored stored{};
  for (std::uint64_t& number : stored) {
    const auto read = cursor.unsigned_integer();
    if (!read) return std::unexpected("the stored attendance is damaged: " + read.error().what);
    number = *read;
  }
  return stored;
}

}  // namespace

std::expected<void, std::string> check_horizon(const AttendanceConfig& config) {
  constexpr int kLeastSkews = 8;
  if (config.horizon >= kLeastSkews * config.skew) return {};
  return std::unexpected("the horizon is shorter than " + std::to_string(kLeastSkews) + " times the skew of clocks");
}

Attendance::Attendance(AttendanceConfig config, const Clock& clock, Store& store)
    : config_(config), clock_(clock), store_(store) {
  assert(check_horizon(config));
}

std::expected<void, std::string> Attendance::load(Hlc now) {
  const MonoTime here = clock_.monotonic();
  seen_ = running_since_ = here;
  memory_ms_ = now.unix_ms();
  std::string bytes;
  const auto loaded = store_.load(Table::kMeta, [&](std::string_view key, std::string_view value) {
    if (key == kMetaAttendance) bytes = value;
  });
  if (!loaded) return std::unexpected(loaded.error().what);
  if (!bytes.empty()) {
    const auto stored = decode(bytes);
    if (!stored) return std::unexpected(stored.error());
    const auto [state, running_since, seen, memory, compared, in_step] = *stored;
    if (state > static_cast<std::uint64_t>(State::kReturning)) {
      return std::unexpected("the stored attendance is damaged: its state is unknown");
    }
    // A clock that was set back makes no time shorter than none.
    const auto ago = [&](Hlc then) { return std::max(Duration::zero(), now - then); };
    state_ = static_cast<State>(state);
    running_since_ = here - ago(Hlc{running_since});
    seen_ = here - ago(Hlc{seen});
    memory_ms_ = Hlc{memory}.unix_ms();
    // Nor do writes count as known from here on that one which was ahead has let count.
    compared_ = std::min(Hlc{compared}, now);
    in_step_ = Hlc{in_step};
    in_step_here_ = here - ago(in_step_);
  }
  notice();
  save();
  return {};
}

Presence Attendance::presence() const {
  Presence presence{.level = Presence::Level::kApart,
                    .memory_ms = memory_ms_,
                    .compared = compared_,
                    .in_step = in_step_,
                    .settled = false};
  const MonoTime now = clock_.monotonic();
  if (now - seen_ > reach()) return presence;
  presence.settled = is_settled(now);
  if (state_ != State::kMember) return presence;
  const bool lately = in_step_ != Hlc{} && now - in_step_here_ <= reach();
  presence.level = lately ? Presence::Level::kInStep : Presence::Level::kLivedOn;
  return presence;
}

bool Attendance::should_tell(const Presence& told) const {
  const Presence now = presence();
  return now.level != told.level || now.memory_ms != told.memory_ms || now.settled != told.settled ||
         now.in_step < told.in_step || now.in_step - told.in_step >= pause();
}

void Attendance::compared(Hlc began, const Presence& with, Hlc now) {
  notice();
  const MonoTime here = clock_.monotonic();
  const auto before = std::pair(state_, memory_ms_);
  const auto is_from_the_future = [&](Hlc reading) { return reading - now > config_.skew; };
  if (is_from_the_future(began)) return;  // our clock was ahead then; the next comparison counts
  if (is_from_the_future(compared_)) compared_ = began;
  if (is_from_the_future(in_step_)) in_step_ = {};
  if (with.settled || state_ == State::kNew) compared_ = std::max(compared_, began);
  const Hlc in_step = with.settled && is_settled(here) ? began : with.in_step;
  if (in_step > in_step_ && !is_from_the_future(in_step)) {
    in_step_ = in_step;
    in_step_here_ = here - std::max(Duration::zero(), now - in_step);
  }
  if (is_member(with)) state_ = State::kMember;
  // What somebody apart remembers is its own.
  if (is_member(with) || state_ == State::kNew) memory_ms_ = std::min(memory_ms_, with.memory_ms);
  if (wrote_ || before != std::pair(state_, memory_ms_) || here - saved_ >= pause()) save();
}

bool Attendance::lets_go(const NodeId& who, const Presence& presence, const Version& version, Hlc now) const {
  if (now - version.written <= reach()) return false;
  // A py2p node cannot propose its writes again: who has translated them does it.
  const bool its_own = version.owner == who || version.boot == 0;
  return !its_own || version.written <= presence.compared;
}

void Attendance::on_time() {
  notice();
  save();
}

/// Takes note of the time that has passed: if it was too long, we were not running.
void Attendance::notice() {
  const MonoTime now = clock_.monotonic();
  if (now - seen_ > reach()) {
    running_since_ = now;
    state_ = State::kReturning;
  } else if (is_settled(now)) {
    state_ = State::kMember;
  }
  seen_ = now;
}

void Attendance::save() {
  const auto wall = [this](MonoTime when) {
    const auto since_1970 = (clock_.wall() - (clock_.monotonic() - when)).time_since_epoch();
    return Hlc::from_ms(std::max<std::int64_t>(0, std::chrono::floor<std::chrono::milliseconds>(since_1970).count()))
        .bits;
  };
  std::string bytes;
  MsgpackWriter(bytes)
      .array(kElements)
      .integer(static_cast<std::uint64_t>(state_))
      .integer(wall(running_since_))
      .integer(wall(seen_))
      .integer(Hlc::from_ms(memory_ms_).bits)
      .integer(compared_.bits)
      .integer(in_step_.bits);
  store_.put(Table::kMeta, kMetaAttendance, bytes);
  saved_ = clock_.monotonic();
  wrote_ = false;
}

}  // namespace meshdict

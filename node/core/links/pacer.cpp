#include "core/links/pacer.h"

#include <algorithm>
#include <cassert>

#include "core/limits.h"

namespace meshdict {
namespace {

constexpr Duration kPause = Duration(1'000'000 / limits::kPy2pFramesPerSecond);

}  // namespace

void Pacer::add(std::int64_t place, Waiting waiting) {
  bytes_ += waiting.frame.bytes->size();
  if (waiting.key) by_key_.emplace(*waiting.key, place);
  waiting_.emplace(place, std::move(waiting));
}

Pacer::Waiting Pacer::take_out(Queue::iterator at) {
  Waiting out = std::move(at->second);
  waiting_.erase(at);
  bytes_ -= out.frame.bytes->size();
  if (out.key) by_key_.erase(*out.key);
  return out;
}

bool Pacer::has_room(std::size_t bytes, std::size_t most) const {
  return waiting_.size() < limits::kMaxPaced && bytes_ + bytes <= most;
}

bool Pacer::is_busy() const {
  return waiting_.size() >= limits::kMaxPaced / limits::kSourcesWaitFrom ||
         bytes_ >= limits::kMaxQueued / limits::kSourcesWaitFrom;
}

bool Pacer::push(const Frame& frame, MonoTime now) {
  if (!has_room(frame.bytes->size())) return false;
  add(last_++, {.frame = frame, .expires = now + limits::kMaxPacedAge});
  return true;
}

void Pacer::push_front(const Frame& frame) {
  add(--first_, {.frame = frame});
}

/// Whether the node will have the key when the next message leaves, apart from stores that wait.
HasKey Pacer::has(const PacedStore& store) const {
  if (const auto owed = owed_.find(store.key); owed != owed_.end()) return owed->second;
  const bool not_there_yet = walk_ && (!walk_->last_key || store.key > *walk_->last_key);
  return not_there_yet ? HasKey::kPerhaps : store.has;
}

void Pacer::push_store(const Frame& frame, const PacedStore& store, MonoTime now, std::size_t most_bytes) {
  HasKey has = this->has(store);
  std::int64_t place = last_;
  if (const auto before = by_key_.find(store.key); before != by_key_.end()) {
    place = before->second;
    has = take_out(waiting_.find(place)).has;
  }
  if (const auto owed = owed_.find(store.key); owed != owed_.end()) {
    owed_bytes_ -= owed->first.size();
    owed_.erase(owed);
  }
  if (store.deletes && has == HasKey::kNo) return;
  const bool certain = !store.deletes || has == HasKey::kYes;
  if (!certain || !has_room(frame.bytes->size(), most_bytes)) return owe(store.key, has);
  add(place, {.frame = frame,
              .key = std::string(store.key),
              .deletes = store.deletes,
              .has = has,
              .expires = now + limits::kMaxPacedAge - store.age});
  if (place == last_) ++last_;
}

void Pacer::owe(std::string_view key, HasKey has) {
  if (const auto before = by_key_.find(key); before != by_key_.end()) has = take_out(waiting_.find(before->second)).has;
  const auto [at, fresh] = owed_.emplace(key, has);
  if (!fresh) {
    if (at->second != has) at->second = HasKey::kPerhaps;
    return;
  }
  owed_bytes_ += key.size();
  if (owed_.size() <= most_owed_ && owed_bytes_ <= limits::kMaxPacedBytes) return;
  owed_.clear();
  owed_bytes_ = 0;
  walk(MonoTime::min(), MonoTime::max());
}

std::optional<std::pair<std::string, HasKey>> Pacer::take_owed() {
  if (owed_.empty()) return std::nullopt;
  const auto node = owed_.extract(owed_.begin());
  owed_bytes_ -= node.key().size();
  return std::pair(node.key(), node.mapped());
}

void Pacer::walk(MonoTime since, MonoTime deletes_since) {
  walk_ = Walk{.last_key = std::nullopt,
               .since = walk_ ? std::min(since, walk_->since) : since,
               .deletes_since = walk_ ? std::min(deletes_since, walk_->deletes_since) : deletes_since};
}

std::optional<Frame> Pacer::take(MonoTime now) {
  while (!waiting_.empty() && !(owed_is_next_ && owes())) {
    Waiting first = take_out(waiting_.begin());
    if (first.expires > now) return std::move(first.frame);
    if (first.key) {
      owe(*first.key, first.has);
    } else {
      ++late_;
    }
  }
  return std::nullopt;
}

void Pacer::sent(MonoTime now) {
  owed_is_next_ = !owed_is_next_;
  next_ = now + kPause;
}

std::uint64_t Pacer::take_over(Pacer& gone) {
  std::uint64_t without_room = gone.late_;
  for (auto& [place, waiting] : std::exchange(gone.waiting_, {})) {
    if (waiting.key) {
      owe(*waiting.key, HasKey::kPerhaps);
    } else if (has_room(waiting.frame.bytes->size())) {
      add(last_++, std::move(waiting));
    } else {
      ++without_room;
    }
  }
  for (const auto& [key, has] : std::exchange(gone.owed_, {}))
    owe(key, HasKey::kPerhaps);
  if (gone.walk_) walk(gone.walk_->since, gone.walk_->deletes_since);
  gone = Pacer(gone.next_);
  return without_room;
}

void Pacer::sanity_check() const {
  std::size_t bytes = 0;
  std::size_t stores = 0;
  for (const auto& [place, waiting] : waiting_) {
    assert(place >= first_ && place < last_);
    bytes += waiting.frame.bytes->size();
    if (!waiting.key) continue;
    ++stores;
    assert(by_key_.at(*waiting.key) == place && !owed_.contains(*waiting.key));
    assert(!waiting.deletes || waiting.has == HasKey::kYes);
  }
  assert(bytes == bytes_ && stores == by_key_.size());
  assert(owed_.size() <= limits::kMaxOwed && owed_bytes_ <= limits::kMaxPacedBytes);
}

}  // namespace meshdict

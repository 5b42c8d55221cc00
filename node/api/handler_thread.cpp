#include "handler_thread.h"

#include <cassert>
#include <iterator>
#include <utility>

#include "api_limits.h"

namespace meshdict {

HandlerThread::~HandlerThread() {
  stop();
  join();
}

void HandlerThread::start() {
  thread_ = std::thread([this] { run(); });
}

void HandlerThread::post(Delivery delivery) {
  {
    const std::lock_guard lock(mutex_);
    add(std::move(delivery));
  }
  posted_.notify_one();
}

void HandlerThread::post(std::vector<Delivery> deliveries) {
  if (deliveries.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (Delivery& delivery : deliveries)
      add(std::move(delivery));
  }
  posted_.notify_one();
}

void HandlerThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    newest_.clear();
    messages_.clear();
    message_bytes_ = changes_ = change_bytes_ = 0;
    std::erase_if(waiting_, [](const Delivery& delivery) { return delivery.kind != Delivery::Kind::kLine; });
  }
  posted_.notify_one();
}

void HandlerThread::join() {
  assert(!is_this_thread() && "a socket must not be destroyed by one of its own handlers");
  if (thread_.joinable()) thread_.join();
}

HandlerLosses HandlerThread::losses() const {
  const std::lock_guard lock(mutex_);
  return losses_;
}

void HandlerThread::add(Delivery delivery) {
  if (delivery.kind == Delivery::Kind::kLine) {
    if (lines_ < api_limits::kMaxLines) {
      ++lines_;
      waiting_.push_back(std::move(delivery));
    } else {
      ++losses_.dropped_lines;
    }
    return;
  }
  if (stopped_) return;
  if (delivery.kind == Delivery::Kind::kChange) return add_change(std::move(delivery));
  message_bytes_ += delivery.bytes;
  waiting_.push_back(std::move(delivery));
  messages_.push_back(std::prev(waiting_.end()));
  while (messages_.size() > api_limits::kMaxReceived || message_bytes_ > api_limits::kMaxReceivedBytes)
    drop_oldest_message();
}

void HandlerThread::drop_oldest_message() {
  message_bytes_ -= messages_.front()->bytes;
  waiting_.erase(messages_.front());
  messages_.pop_front();
  ++losses_.dropped_messages;
  overflowed_ = true;
}

void HandlerThread::add_change(Delivery delivery) {
  ++changes_;
  change_bytes_ += delivery.bytes;
  waiting_.push_back(std::move(delivery));
  if (!merging_ && changes_ <= api_limits::kMaxChanges && change_bytes_ <= api_limits::kMaxChangeBytes) return;
  if (!merging_) return begin_merging();
  const auto newest = std::prev(waiting_.end());
  const auto older = newest_.find(newest->subject);
  if (older != newest_.end()) {
    const auto replaced = older->second;
    // Its key is the subject of what goes.
    newest_.erase(older);
    --changes_;
    change_bytes_ -= replaced->bytes;
    waiting_.erase(replaced);
    ++losses_.merged_changes;
    overflowed_ = true;
  }
  newest_.emplace(newest->subject, newest);
}

/// From the newest to the oldest: the first of a subject stays.
void HandlerThread::begin_merging() {
  merging_ = true;
  for (auto at = waiting_.end(); at != waiting_.begin();) {
    --at;
    if (at->kind != Delivery::Kind::kChange || newest_.emplace(at->subject, at).second) continue;
    --changes_;
    change_bytes_ -= at->bytes;
    at = waiting_.erase(at);
    ++losses_.merged_changes;
    overflowed_ = true;
  }
}

/// REQUIRES: something waits.
Delivery HandlerThread::take_next() {
  const auto first = waiting_.begin();
  switch (first->kind) {
    case Delivery::Kind::kMessage:
      message_bytes_ -= first->bytes;
      messages_.pop_front();
      break;
    case Delivery::Kind::kChange:
      --changes_;
      change_bytes_ -= first->bytes;
      if (merging_) newest_.erase(first->subject);
      break;
    case Delivery::Kind::kLine:
      --lines_;
      break;
  }
  Delivery next = std::move(*first);
  waiting_.pop_front();
  if (waiting_.empty()) merging_ = told_ = false;
  return next;
}

bool HandlerThread::run_next() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty()) return false;
  const bool tells = overflowed_ && !told_ && !stopped_;
  if (tells) {
    overflowed_ = false;
    told_ = true;
  }
  const Delivery next = take_next();
  lock.unlock();
  if (tells) on_overflow_();
  next.run();
  return true;
}

void HandlerThread::run() {
  id_ = std::this_thread::get_id();
  do {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
  } while (run_next());
  id_ = std::thread::id();
}

}  // namespace meshdict

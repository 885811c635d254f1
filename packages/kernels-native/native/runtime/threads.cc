#include "threads.h"

#include <map>

#include "float_control.h"

namespace octavo {
namespace {

// The loops of one run follow each other within microseconds, and waking a sleeping thread takes tens of them: a thread
// that has nothing to do looks this often, 20 to 40 microseconds, before it sleeps.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

template <class Condition> void spin_until(Condition condition) {
  for (int i = 0; i < kSpins && !condition(); i++) pause();
}

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  for (size_t i = 1; i < threads; i++) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::drain(Task task, void* context, size_t count) {
  for (size_t i = next_.fetch_add(1); i < count; i = next_.fetch_add(1)) task(context, i);
}

void ThreadPool::dispatch(size_t count, Task task, void* context) {
  std::unique_lock<std::mutex> owner(owner_, std::defer_lock);
  if (count < 2 || workers_.empty() || !owner.try_lock()) {
    for (size_t i = 0; i < count; i++) task(context, i);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    task_ = task, context_ = context, count_ = count;
    next_.store(0);
    generation_++;
  }
  wake_.notify_all();
  drain(task, context, count);
  {
    // Nobody joins from here on: a thread that has not come yet, asleep or without a core, is not waited for.
    std::lock_guard<std::mutex> lock(mutex_);
    task_ = nullptr;
    if (active_ == 0) return;
  }
  spin_until([this] { return active_.load() == 0; });
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [this] { return active_ == 0; });
}

void ThreadPool::work() {
  const FloatControl control;
  uint64_t seen = 0;
  for (;;) {
    spin_until([&] { return generation_.load() != seen; });
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
    if (stopping_) return;
    seen = generation_;
    if (task_ == nullptr) continue;
    const Task task = task_;
    void* const context = context_;
    const size_t count = count_;
    active_++;
    lock.unlock();
    drain(task, context, count);
    lock.lock();
    if (--active_ == 0) done_.notify_one();
  }
}

std::shared_ptr<ThreadPool> shared_pool(size_t threads) {
  static std::mutex mutex;
  static std::map<size_t, std::weak_ptr<ThreadPool>> pools;
  std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<ThreadPool> pool = pools[threads].lock();
  if (pool == nullptr) {
    pool = std::make_shared<ThreadPool>(threads);
    pools[threads] = pool;
  }
  return pool;
}

}  // namespace octavo

// A small kept pool. One parallel loop runs at a time: a second caller finds the pool busy and runs its loop alone, so
// that several programs never oversubscribe the cores. What a task computes never depends on who runs it.
#pragma once
#include <stddef.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace octavo {

class ThreadPool {
 public:
  // `threads` counts the caller: 1 starts no thread at all.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();
  size_t threads() const { return workers_.size() + 1; }

  // Calls run(i) for each i in 0..count-1, in any order, on any thread; returns when all are done.
  template <class Fn> void parallel_for(size_t count, Fn&& run) {
    dispatch(count, [](void* context, size_t i) { (*static_cast<Fn*>(context))(i); }, &run);
  }

 private:
  using Task = void (*)(void* context, size_t i);
  void dispatch(size_t count, Task task, void* context);
  void work();
  void drain(Task task, void* context, size_t count);

  std::vector<std::thread> workers_;
  std::mutex owner_;  // held by the caller whose loop is running
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_, done_;
  // Written under the mutex; read without it while a thread still spins, see kSpins in threads.cc.
  std::atomic<uint64_t> generation_{0};  // of loops
  std::atomic<size_t> active_{0};        // threads that joined the loop, the caller not among them
  bool stopping_ = false;
  Task task_ = nullptr;  // of the loop that may be joined
  void* context_ = nullptr;
  size_t count_ = 0;
  std::atomic<size_t> next_{0};
};

// The process-wide pool of this many threads: addon instances in several workers share it.
std::shared_ptr<ThreadPool> shared_pool(size_t threads);

}  // namespace octavo

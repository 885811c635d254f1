// A program on the native side: constants packed once, plans that add only shapes and offsets, runs that need one
// arena. Mirrors core's `Program` and `MemoryPlan`.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "../ops/ops.h"

namespace octavo {

struct Instruction {
  const Op* op;
  std::vector<int> inputs;  // value indices; -1 for an absent optional operand
  std::vector<int> outputs;
  std::vector<double> attrs;
};

// A value's place in a plan: dtype and dims, and where its bytes lie in the arena (constants: in their own memory).
struct Slot {
  View view;
  size_t offset = 0;
  bool in_arena = false;
};

struct Plan {
  std::vector<Slot> slots;
  size_t arena_bytes = 0;
  std::vector<int> inputs, outputs;
};

class Program {
 public:
  Program(const octavo_kernels* kernels, std::shared_ptr<ThreadPool> pool, std::vector<View> constants, std::vector<Buffer> storage,
          std::vector<Instruction> instructions)
      : kernels_(kernels), pool_(std::move(pool)), constants_(std::move(constants)), storage_(std::move(storage)),
        instructions_(std::move(instructions)) {}

  // Checks that every instruction's values exist and that every slot lies inside the arena.
  Status check_plan(const Plan& plan) const;

  // Runs all instructions over an arena that holds the inputs already. `abort` is read between instructions.
  Status run(const Plan& plan, uint8_t* arena, const std::atomic<bool>* abort) const;

  // Arenas are kept for the next run, two at most: one for the JavaScript thread, one for the dispatcher.
  Buffer take_arena(size_t bytes);
  void give_arena(Buffer arena);

  size_t constant_bytes() const;
  const std::vector<View>& constants() const { return constants_; }

 private:
  const octavo_kernels* kernels_;
  std::shared_ptr<ThreadPool> pool_;
  std::vector<View> constants_;  // by value index; not present for values that are no constants
  std::vector<Buffer> storage_;  // what constant views point into
  std::vector<Instruction> instructions_;
  std::mutex arenas_mutex_;
  std::vector<Buffer> arenas_;
};

}  // namespace octavo

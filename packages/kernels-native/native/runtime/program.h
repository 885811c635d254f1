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

// Where the bytes of a value lie: constants in memory of their own, temporaries in the arena, inputs and outputs in
// tensors of the caller.
enum class Place { Constant, Arena, Caller };

// A value in a plan: dtype, dims and place. at: offset into the arena, or index of the caller's tensor.
struct Slot {
  View view;
  size_t at = 0;
  Place place = Place::Constant;
};

struct Plan {
  std::vector<Slot> slots;
  size_t arena_bytes = 0;
  std::vector<int> inputs, outputs;
};

// What a run works in. caller: the memory of each input, then of each output.
struct Memory {
  uint8_t* arena;
  uint8_t* const* caller;
};

class Program {
 public:
  Program(const octavo_kernels* kernels, std::shared_ptr<ThreadPool> pool, std::vector<View> constants, std::vector<Buffer> storage,
          std::vector<Instruction> instructions)
      : kernels_(kernels), pool_(std::move(pool)), constants_(std::move(constants)), storage_(std::move(storage)),
        instructions_(std::move(instructions)) {}

  // Checks that every instruction's values exist, that every slot lies inside the arena or is as large as the caller's
  // tensor, and that no input is written.
  Status check_plan(const Plan& plan) const;

  // Runs all instructions. `abort` is read between them.
  Status run(const Plan& plan, const Memory& memory, const std::atomic<bool>* abort) const;

  // Bytes of the caller's tensor `index` among inputs, then outputs.
  size_t tensor_bytes(const Plan& plan, size_t index) const;

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

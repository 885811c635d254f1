#include "program.h"

#include "float_control.h"

namespace octavo {

Status Program::check_plan(const Plan& plan) const {
  const int values = int(constants_.size());
  if (plan.slots.size() != constants_.size()) return fail(Code::InvalidArgument, "[plan] expected %d values, got %zu", values, plan.slots.size());
  for (size_t i = 0; i < plan.slots.size(); i++) {
    const Slot& slot = plan.slots[i];
    if (!slot.in_arena) continue;
    const size_t bytes = slot.view.bytes();
    if (slot.offset > plan.arena_bytes || bytes > plan.arena_bytes - slot.offset) {
      return fail(Code::InvalidArgument, "[plan] value %zu does not fit the arena", i);
    }
  }
  const auto placed = [&](int v) { return v >= 0 && v < values && (plan.slots[v].in_arena || constants_[v].present); };
  const auto written = [&](int v) { return v >= 0 && v < values && plan.slots[v].in_arena; };
  for (const Instruction& instruction : instructions_) {
    for (int v : instruction.inputs) {
      if (v != -1 && !placed(v)) return fail(Code::InvalidArgument, "[plan] %s reads value %d, which has no place", instruction.op->name, v);
    }
    for (int v : instruction.outputs) {
      if (!written(v)) return fail(Code::InvalidArgument, "[plan] %s writes value %d, which has no place", instruction.op->name, v);
    }
  }
  for (int v : plan.inputs) {
    if (!written(v)) return fail(Code::InvalidArgument, "[plan] input value %d has no place", v);
  }
  for (int v : plan.outputs) {
    if (!placed(v)) return fail(Code::InvalidArgument, "[plan] output value %d has no place", v);
  }
  return {};
}

Status Program::run(const Plan& plan, uint8_t* arena, const std::atomic<bool>* abort) const {
  const FloatControl control;
  const auto view_of = [&](int value) {
    if (value < 0) return View();
    const Slot& slot = plan.slots[value];
    if (!slot.in_arena) return constants_[value];
    View view = slot.view;
    view.data = arena + slot.offset;
    return view;
  };
  // Kept between runs, so that a steady state allocates nothing; emptied, so that they keep no weights alive.
  static thread_local std::vector<View> inputs, outputs;
  struct Emptier {
    ~Emptier() { inputs.clear(), outputs.clear(); }
  } emptier;
  for (const Instruction& instruction : instructions_) {
    if (abort != nullptr && abort->load(std::memory_order_relaxed)) return fail(Code::Aborted, "[run] aborted by its signal");
    inputs.clear();
    outputs.clear();
    for (int value : instruction.inputs) inputs.push_back(view_of(value));
    for (int value : instruction.outputs) outputs.push_back(view_of(value));
    Call call = {instruction.op->name, inputs.data(), inputs.size(), outputs.data(), outputs.size(),
                 instruction.attrs.data(), instruction.attrs.size(), kernels_, pool_.get()};
    Status status = run_op(*instruction.op, call);
    if (!status.ok()) return status;
  }
  return {};
}

Buffer Program::take_arena(size_t bytes) {
  Buffer arena;
  {
    std::lock_guard<std::mutex> lock(arenas_mutex_);
    if (!arenas_.empty()) {
      arena = std::move(arenas_.back());
      arenas_.pop_back();
    }
  }
  arena.reserve(bytes == 0 ? 64 : bytes);
  return arena;
}

void Program::give_arena(Buffer arena) {
  std::lock_guard<std::mutex> lock(arenas_mutex_);
  if (arenas_.size() < 2) arenas_.push_back(std::move(arena));
}

size_t Program::constant_bytes() const {
  size_t bytes = 0;
  for (const Buffer& buffer : storage_) bytes += buffer.bytes();
  for (const View& view : constants_) {
    if (view.packed) bytes += view.packed->bytes();
  }
  return bytes;
}

}  // namespace octavo

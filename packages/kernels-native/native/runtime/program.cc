#include "program.h"

#include <string.h>

#include "float_control.h"

namespace octavo {

Status Program::check_plan(const Plan& plan) const {
  const int values = int(constants_.size());
  if (plan.slots.size() != constants_.size()) return fail(Code::InvalidArgument, "[plan] expected %d values, got %zu", values, plan.slots.size());
  const auto placed = [&](int v) { return v >= 0 && v < values && (plan.slots[v].place != Place::Constant || constants_[v].present); };
  const auto written = [&](int v) {
    if (v < 0 || v >= values) return false;
    const Slot& slot = plan.slots[v];
    return slot.place == Place::Arena || (slot.place == Place::Caller && slot.at >= plan.inputs.size());
  };
  for (size_t i = 0; i < plan.inputs.size(); i++) {
    const int v = plan.inputs[i];
    if (v < 0 || v >= values || plan.slots[v].place != Place::Caller || plan.slots[v].at != i) {
      return fail(Code::InvalidArgument, "[plan] input value %d has no place", v);
    }
  }
  for (int v : plan.outputs) {
    if (!placed(v)) return fail(Code::InvalidArgument, "[plan] output value %d has no place", v);
  }
  for (size_t i = 0; i < plan.slots.size(); i++) {
    const Slot& slot = plan.slots[i];
    const size_t bytes = slot.view.bytes();
    if (slot.place == Place::Arena && (slot.at > plan.arena_bytes || bytes > plan.arena_bytes - slot.at)) {
      return fail(Code::InvalidArgument, "[plan] value %zu does not fit the arena", i);
    }
    if (slot.place == Place::Caller && (slot.at >= plan.inputs.size() + plan.outputs.size() || bytes != tensor_bytes(plan, slot.at))) {
      return fail(Code::InvalidArgument, "[plan] value %zu is not as large as the tensor that holds it", i);
    }
  }
  for (const Instruction& instruction : instructions_) {
    for (int v : instruction.inputs) {
      if (v != -1 && !placed(v)) return fail(Code::InvalidArgument, "[plan] %s reads value %d, which has no place", instruction.op->name, v);
    }
    for (int v : instruction.outputs) {
      if (!written(v)) return fail(Code::InvalidArgument, "[plan] %s writes value %d, which has no place", instruction.op->name, v);
    }
  }
  return {};
}

size_t Program::tensor_bytes(const Plan& plan, size_t index) const {
  const size_t inputs = plan.inputs.size();
  const int value = index < inputs ? plan.inputs[index] : plan.outputs[index - inputs];
  return (plan.slots[value].place == Place::Constant ? constants_[value] : plan.slots[value].view).bytes();
}

Status Program::run(const Plan& plan, const Memory& memory, const std::atomic<bool>* abort) const {
  const FloatControl control;
  const auto view_of = [&](int value) {
    if (value < 0) return View();
    const Slot& slot = plan.slots[value];
    if (slot.place == Place::Constant) return constants_[value];
    View view = slot.view;
    view.data = slot.place == Place::Arena ? memory.arena + slot.at : memory.caller[slot.at];
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
  // What no instruction wrote there: an input or a constant that is an output, or an output that is asked for twice.
  for (size_t i = 0; i < plan.outputs.size(); i++) {
    const Slot& slot = plan.slots[plan.outputs[i]];
    const size_t index = plan.inputs.size() + i;
    if (slot.place == Place::Caller && slot.at == index) continue;
    const View view = view_of(plan.outputs[i]);
    if (view.bytes() != 0) memcpy(memory.caller[index], view.data, view.bytes());
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
    if (view.packed) bytes += view.packed->own_bytes();
  }
  return bytes;
}

}  // namespace octavo

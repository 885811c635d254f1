#include <string.h>

#include "ops.h"
#include "recurrent_layer.h"

namespace octavo {
namespace {

// Which operands an op has and where: x, its weights, lengths?, h0?, c0? (LSTM). Float weights: weightIh, weightHh, biasIh?,
// biasHh?, and of LSTM weightHr?; int8 ones: ih, hh.
struct Form {
  octavo_cell cell;
  bool int8;
  size_t gates() const { return cell == OCTAVO_CELL_LSTM ? 4 : cell == OCTAVO_CELL_GRU ? 3 : 1; }
  size_t lengths() const { return int8 ? 3 : cell == OCTAVO_CELL_LSTM ? 6 : 5; }
  size_t states() const { return cell == OCTAVO_CELL_LSTM ? 2 : 1; }
};

// [gates * hidden, k] and, of a weight that is no constant of a program, panels in `memory`.
Status float_product(const Call& call, const char* name, const View& weight, size_t gates, const View* bias, float* memory, RecurrentProduct* out) {
  out->k = weight.dim(1), out->packed = nullptr, out->bias = nullptr;
  if (bias) {
    OCTAVO_TRY(expect_tensor(call, "bias", *bias, DType::Float32));
    OCTAVO_TRY(expect_dims(call, "bias", *bias, {weight.dim(0)}));
    out->bias = bias->floats();
  }
  if (weight.packed) {
    const PackedWeight& packed = *weight.packed;
    if (packed.kind != PackedWeight::kFloat || packed.gates != gates || packed.n != weight.dim(0) || packed.k != out->k) {
      return fail(Code::InvalidArgument, "[%s] the packed %s is of another op or shape", call.op, name);
    }
    out->panels = packed.panels.as<float>();
    return {};
  }
  pack_gates_f32(weight.floats(), gates, weight.dim(0), out->k, memory);
  out->panels = memory;
  return {};
}

size_t panel_floats(const View& weight, size_t gates) {
  return weight.packed ? 0 : panel_count(weight.dim(0), gates) * weight.dim(1) * OCTAVO_PANEL;
}

Status float_weights(const Call& call, const Form& form, RecurrentLayer* layer) {
  const View &ih = call.inputs[1], &hh = call.inputs[2];
  const View* projection = form.cell == OCTAVO_CELL_LSTM ? call.optional(5) : nullptr;
  for (const View* weight : {&ih, &hh, projection}) {
    if (weight == nullptr) continue;
    if (!weight->packed) OCTAVO_TRY(expect_tensor(call, "a weight", *weight, DType::Float32));
    if (weight->rank != 2) return fail(Code::InvalidShape, "[%s] weights are matrices", call.op);
  }
  const size_t gates = form.gates();
  if (ih.dim(0) % gates != 0 || hh.dim(0) != ih.dim(0)) return fail(Code::InvalidShape, "[%s] the weights stack no %zu gates", call.op, gates);
  layer->hidden = ih.dim(0) / gates;
  layer->width = projection ? projection->dim(0) : layer->hidden;
  if (projection && projection->dim(1) != layer->hidden) return fail(Code::InvalidShape, "[%s] weightHr does not fit the other weights", call.op);
  const size_t sizes[] = {panel_floats(ih, gates), panel_floats(hh, gates), projection ? panel_floats(*projection, 1) : 0};
  float* memory = reinterpret_cast<float*>(scratch(1, (sizes[0] + sizes[1] + sizes[2]) * sizeof(float) + 64));
  if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory to pack the weights", call.op);
  OCTAVO_TRY(float_product(call, "weightIh", ih, gates, call.optional(3), memory, &layer->ih));
  OCTAVO_TRY(float_product(call, "weightHh", hh, gates, call.optional(4), memory + sizes[0], &layer->hh));
  if (projection) {
    RecurrentProduct project;
    OCTAVO_TRY(float_product(call, "weightHr", *projection, 1, nullptr, memory + sizes[0] + sizes[1], &project));
    layer->projection = project.panels;
  }
  return {};
}

Status int8_weights(const Call& call, const Form& form, RecurrentLayer* layer) {
  for (size_t i = 1; i <= 2; i++) OCTAVO_TRY(expect_packed_linear(call, call.inputs[i], form.gates()));
  const PackedWeight &ih = *call.inputs[1].packed, &hh = *call.inputs[2].packed;
  if (ih.n != hh.n) return fail(Code::InvalidShape, "[%s] the weights stack different gates", call.op);
  layer->hidden = layer->width = ih.n / form.gates();
  layer->ih = {ih.k, nullptr, nullptr, &ih};
  layer->hh = {hh.k, nullptr, nullptr, &hh};
  layer->scheme = call.attr_int(1), layer->reduce_range = call.attr_int(2) == 1;
  return {};
}

Status check_lengths(const Call& call, const View* lengths, size_t batch, size_t time) {
  if (lengths == nullptr) return {};
  OCTAVO_TRY(expect_tensor(call, "lengths", *lengths, DType::Int32));
  OCTAVO_TRY(expect_dims(call, "lengths", *lengths, {batch}));
  for (size_t i = 0; i < batch; i++) {
    const int32_t length = lengths->as<int32_t>()[i];
    if (length < 0 || size_t(length) > time) {
      return fail(Code::InvalidData, "[%s] lengths must lie between 0 and %zu, got %d", call.op, time, int(length));
    }
  }
  return {};
}

// attrs: reverse, and of int8 forms scheme, reduceRange.
Status run(Call& call, const Form& form) {
  const size_t first_state = form.lengths() + 1;
  OCTAVO_TRY(expect_operands(call, 3, first_state + form.states(), 1 + form.states()));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  if (x.rank != 3) return fail(Code::InvalidShape, "[%s] x must be [time, batch, in]", call.op);
  RecurrentLayer layer = {};
  layer.cell = form.cell, layer.gates = form.gates(), layer.time = x.dim(0), layer.batch = x.dim(1);
  layer.reverse = call.attr_int(0) == 1, layer.x = x.floats();
  OCTAVO_TRY(form.int8 ? int8_weights(call, form, &layer) : float_weights(call, form, &layer));
  if (layer.ih.k != x.dim(2) || layer.hh.k != layer.width) return fail(Code::InvalidShape, "[%s] x and the states do not fit the weights", call.op);
  const View* lengths = call.optional(form.lengths());
  OCTAVO_TRY(check_lengths(call, lengths, layer.batch, layer.time));
  layer.lengths = lengths ? lengths->as<int32_t>() : nullptr;

  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  OCTAVO_TRY(expect_dims(call, "y", call.outputs[0], {layer.time, layer.batch, layer.width}));
  layer.y = call.outputs[0].floats();
  for (size_t i = 0; i < form.states(); i++) {
    const char* name = i == 0 ? "h" : "c";
    const View& state = call.outputs[1 + i];
    const size_t columns = i == 0 ? layer.width : layer.hidden;
    OCTAVO_TRY(expect_tensor(call, name, state, DType::Float32));
    OCTAVO_TRY(expect_dims(call, name, state, {layer.batch, columns}));
    if (const View* given = call.optional(first_state + i)) {
      OCTAVO_TRY(expect_tensor(call, name, *given, DType::Float32));
      OCTAVO_TRY(expect_dims(call, name, *given, {layer.batch, columns}));
      if (state.size() != 0) memcpy(state.data, given->data, state.bytes());
    } else if (state.size() != 0) {
      memset(state.data, 0, state.bytes());
    }
    (i == 0 ? layer.h : layer.c) = state.floats();
  }
  return run_recurrent_layer(call, layer);
}

}  // namespace

Status lstm_layer(Call& call) { return run(call, {OCTAVO_CELL_LSTM, false}); }
Status gru_layer(Call& call) { return run(call, {OCTAVO_CELL_GRU, false}); }
Status lstm_layer_dynamic(Call& call) { return run(call, {OCTAVO_CELL_LSTM, true}); }
Status gru_layer_dynamic(Call& call) { return run(call, {OCTAVO_CELL_GRU, true}); }
Status rnn_tanh_layer(Call& call) { return run(call, {OCTAVO_CELL_RNN_TANH, false}); }
Status rnn_relu_layer(Call& call) { return run(call, {OCTAVO_CELL_RNN_RELU, false}); }
Status rnn_tanh_layer_dynamic(Call& call) { return run(call, {OCTAVO_CELL_RNN_TANH, true}); }
Status rnn_relu_layer_dynamic(Call& call) { return run(call, {OCTAVO_CELL_RNN_RELU, true}); }

}  // namespace octavo

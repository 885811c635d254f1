// Embedding tables of 8, 4 and 2 bits in PyTorch's bytes: a row is its codes, 8 / bits in a byte with the first in the
// lowest bits, then the row's scale and bias, float32 for 8 bits and float16 below. Core's `numerics/rowwise-table.ts` is
// the definition.
#include <string.h>

#include <atomic>

#include "../runtime/half.h"
#include "quantized.h"

namespace octavo {
namespace {

struct Layout {
  size_t bits;
  size_t per_byte() const { return 8 / bits; }
  size_t parameter_bytes() const { return bits == 8 ? 4 : 2; }
  size_t row_bytes(size_t width) const { return width / per_byte() + 2 * parameter_bytes(); }
  // 0 where the bytes cannot be a row.
  size_t width(size_t bytes) const { return bytes <= 2 * parameter_bytes() ? 0 : (bytes - 2 * parameter_bytes()) * per_byte(); }
};

struct Parameters {
  float scale, bias;
};

float parameter_at(const uint8_t* bytes, Layout layout) {
  if (layout.bits == 8) {
    float value;
    memcpy(&value, bytes, 4);
    return value;
  }
  uint16_t half;
  memcpy(&half, bytes, 2);
  return float_of_half(half);
}

Parameters parameters_of(const uint8_t* row, size_t width, Layout layout) {
  const uint8_t* at = row + width / layout.per_byte();
  return {parameter_at(at, layout), parameter_at(at + layout.parameter_bytes(), layout)};
}

void write_parameter(uint8_t* bytes, float value, Layout layout) {
  if (layout.bits == 8) {
    memcpy(bytes, &value, 4);
    return;
  }
  const uint16_t half = half_of_float(value);
  memcpy(bytes, &half, 2);
}

template <class Code> void write_row(uint8_t* row, size_t width, Layout layout, float scale, float bias, Code code) {
  memset(row, 0, width / layout.per_byte());
  for (size_t i = 0; i < width; i++) row[i / layout.per_byte()] |= uint8_t(code(i) << (i % layout.per_byte() * layout.bits));
  uint8_t* at = row + width / layout.per_byte();
  write_parameter(at, scale, layout);
  write_parameter(at + layout.parameter_bytes(), bias, layout);
}

// The codes of a row, one a byte: the row itself for 8 bits, else `unpacked`.
const uint8_t* row_codes(const uint8_t* row, size_t width, Layout layout, uint8_t* unpacked) {
  if (layout.bits == 8) return row;
  const uint8_t mask = uint8_t((1u << layout.bits) - 1);
  for (size_t i = 0; i < width; i++) unpacked[i] = row[i / layout.per_byte()] >> (i % layout.per_byte() * layout.bits) & mask;
  return unpacked;
}

void pack_row(const float* values, size_t width, Layout layout, uint8_t* row) {
  float min = values[0], max = values[0];
  for (size_t i = 0; i < width; i++) {
    min = values[i] < min ? values[i] : min;
    max = values[i] > max ? values[i] : max;
  }
  const float top = float((1u << layout.bits) - 1);
  const auto code = [&](float bias, float inverse) {
    return [=](size_t i) {
      const float steps = nearbyintf((values[i] - bias) * inverse);
      return steps != steps ? 0u : steps < 0 ? 0u : steps > top ? uint32_t(top) : uint32_t(steps);
    };
  };
  if (layout.bits == 8) {
    const float range = max - min;
    write_row(row, width, layout, range / 255.0f, min, code(min, 255.0f / (range + 1e-8f)));
    return;
  }
  const float bias = float_of_half(half_of_float(min));
  const float range = max - bias;
  float scale = range == 0 ? 1.0f : float_of_half(half_of_float(range / top));
  if (scale == 0 || !isfinite(1.0f / scale)) scale = 1.0f;
  write_row(row, width, layout, scale, bias, code(bias, 1.0f / scale));
}

Status expect_finite(const Call& call, const View& view) {
  for (size_t i = 0; i < view.size(); i++) {
    if (isfinite(view.floats()[i])) continue;
    return fail(Code::InvalidData, "[%s] element %zu of weight is %g; a table must be finite to be quantized. Check the file it was loaded from",
                call.op, i, double(view.floats()[i]));
  }
  return {};
}

// A packed table [rows, bytes] and its width.
Status expect_table(const Call& call, const View& packed, Layout layout, size_t* width) {
  OCTAVO_TRY(expect_tensor(call, "packed", packed, DType::Uint8));
  *width = packed.rank == 2 ? layout.width(packed.dim(1)) : 0;
  return *width != 0 ? Status{} : fail(Code::InvalidShape, "[%s] packed must be a %zu-bit table [rows, bytes]", call.op, layout.bits);
}

Status expect_packed_output(const Call& call, const View& table, Layout layout) {
  OCTAVO_TRY(expect_tensor(call, "packed", call.outputs[0], DType::Uint8));
  if (table.rank != 2 || table.dim(1) == 0 || table.dim(1) % layout.per_byte() != 0) {
    return fail(Code::InvalidShape, "[%s] the table must be [rows, width], width a multiple of %zu", call.op, layout.per_byte());
  }
  return expect_dims(call, "packed", call.outputs[0], {table.dim(0), layout.row_bytes(table.dim(1))});
}

// Integers of either width.
struct Integers {
  const View& view;
  int64_t at(size_t i) const { return view.dtype == DType::Int64 ? view.as<int64_t>()[i] : int64_t(view.as<int32_t>()[i]); }
};
Status expect_integers(const Call& call, const char* name, const View& view) {
  return expect_tensor(call, name, view, view.dtype == DType::Int64 ? DType::Int64 : DType::Int32);
}

Status expect_rows(const Call& call, const View& indices, size_t count, int64_t rows) {
  for (size_t i = 0; i < count; i++) {
    const int64_t row = Integers{indices}.at(i);
    if (row >= 0 && row < rows) continue;
    return fail(Code::InvalidData, "[%s] index %lld at position %zu is outside the table's 0 to %lld; does the table belong to this model?", call.op,
                (long long)row, i, (long long)rows - 1);
  }
  return {};
}

// sum += weight * row: fma(code, scale * weight, sum + bias * weight).
bool add_row(const Call& call, const uint8_t* row, size_t width, Layout layout, float weight, float* sum) {
  uint8_t* unpacked = scratch(0, width);
  if (unpacked == nullptr) return false;
  const Parameters p = parameters_of(row, width, layout);
  call.kernels->codes->add_scaled(row_codes(row, width, layout, unpacked), p.scale * weight, p.bias * weight, sum, sum, width);
  return true;
}

Status prepack(Call& call, Layout layout) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View& weight = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "weight", weight, DType::Float32));
  OCTAVO_TRY(expect_packed_output(call, weight, layout));
  OCTAVO_TRY(expect_finite(call, weight));
  const size_t width = weight.dim(1), bytes = layout.row_bytes(width);
  for_row_chunks(call, weight.dim(0), width * 8, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) pack_row(weight.floats() + r * width, width, layout, call.outputs[0].data + r * bytes);
  });
  return {};
}

Status unpack(Call& call, Layout layout) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &packed = call.inputs[0], &y = call.outputs[0];
  size_t width = 0;
  OCTAVO_TRY(expect_table(call, packed, layout, &width));
  OCTAVO_TRY(expect_tensor(call, "weight", y, DType::Float32));
  OCTAVO_TRY(expect_dims(call, "weight", y, {packed.dim(0), width}));
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, packed.dim(0), width, [&](size_t from, size_t to) {
    uint8_t* unpacked = scratch(0, width);
    for (size_t r = from; unpacked != nullptr && r < to; r++) {
      const uint8_t* row = packed.data + r * packed.dim(1);
      const Parameters p = parameters_of(row, width, layout);
      call.kernels->codes->add_scaled(row_codes(row, width, layout, unpacked), p.scale, p.bias, nullptr, y.floats() + r * width, width);
    }
    if (unpacked == nullptr) no_memory = true;
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a row", call.op) : Status{};
}

// packed, indices [...] -> y [..., width].
Status lookup(Call& call, Layout layout) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &packed = call.inputs[0], &indices = call.inputs[1], &y = call.outputs[0];
  size_t width = 0;
  OCTAVO_TRY(expect_table(call, packed, layout, &width));
  OCTAVO_TRY(expect_integers(call, "indices", indices));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_size(call, "y", y, indices.size() * width));
  OCTAVO_TRY(expect_rows(call, indices, indices.size(), packed.dims[0]));
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, indices.size(), width, [&](size_t from, size_t to) {
    memset(y.floats() + from * width, 0, (to - from) * width * sizeof(float));
    for (size_t i = from; i < to; i++) {
      const uint8_t* row = packed.data + size_t(Integers{indices}.at(i)) * packed.dim(1);
      if (!add_row(call, row, width, layout, 1.0f, y.floats() + i * width)) no_memory = true;
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a row", call.op) : Status{};
}

// packed, indices [n], offsets [bags (+ 1)], perSampleWeights? [n] -> y [bags, width]. attrs: includeLastOffset.
Status bag(Call& call, Layout layout) {
  OCTAVO_TRY(expect_operands(call, 3, 4, 1));
  const View &packed = call.inputs[0], &indices = call.inputs[1], &offsets = call.inputs[2], &y = call.outputs[0];
  const View* weights = call.optional(3);
  size_t width = 0;
  OCTAVO_TRY(expect_table(call, packed, layout, &width));
  OCTAVO_TRY(expect_integers(call, "indices", indices));
  OCTAVO_TRY(expect_integers(call, "offsets", offsets));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  const bool include_last = call.attr_int(0) == 1;
  if (indices.rank != 1 || offsets.rank != 1 || offsets.dim(0) < size_t(include_last)) {
    return fail(Code::InvalidShape, "[%s] indices and offsets must have one dimension", call.op);
  }
  const size_t count = indices.size(), bags = offsets.size() - size_t(include_last);
  OCTAVO_TRY(expect_dims(call, "y", y, {bags, width}));
  if (weights) {
    OCTAVO_TRY(expect_tensor(call, "perSampleWeights", *weights, DType::Float32));
    OCTAVO_TRY(expect_size(call, "perSampleWeights", *weights, count));
  }
  const auto bound = [&](size_t i) { return i < offsets.size() ? Integers{offsets}.at(i) : int64_t(count); };
  for (size_t i = 0; i <= bags; i++) {
    const int64_t start = bound(i);
    if (start >= (i == 0 ? 0 : bound(i - 1)) && start <= int64_t(count) && (i != 0 || start == 0)) continue;
    return fail(Code::InvalidData, "[%s] offsets must begin at 0 and rise to at most %zu, the number of indices; got %lld at position %zu", call.op,
                count, (long long)start, i);
  }
  // Indices behind the last offset belong to no bag and are not read.
  OCTAVO_TRY(expect_rows(call, indices, size_t(bound(bags)), packed.dims[0]));
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, bags, width * (1 + count / (bags == 0 ? 1 : bags)), [&](size_t from, size_t to) {
    memset(y.floats() + from * width, 0, (to - from) * width * sizeof(float));
    for (size_t b = from; b < to; b++) {
      for (int64_t i = bound(b); i < bound(b + 1); i++) {
        const uint8_t* row = packed.data + size_t(Integers{indices}.at(size_t(i))) * packed.dim(1);
        if (!add_row(call, row, width, layout, weights ? weights->floats()[i] : 1.0f, y.floats() + b * width)) no_memory = true;
      }
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a row", call.op) : Status{};
}

}  // namespace

template <size_t Bits> Status table_prepack(Call& call) { return prepack(call, {Bits}); }
template <size_t Bits> Status table_unpack(Call& call) { return unpack(call, {Bits}); }
template <size_t Bits> Status table_bag(Call& call) { return bag(call, {Bits}); }
template <size_t Bits> Status table_lookup(Call& call) { return lookup(call, {Bits}); }

#define OCTAVO_TABLE_OPS(bits)                 \
  template Status table_prepack<bits>(Call&); \
  template Status table_unpack<bits>(Call&);  \
  template Status table_bag<bits>(Call&);     \
  template Status table_lookup<bits>(Call&);
OCTAVO_TABLE_OPS(8)
OCTAVO_TABLE_OPS(4)
OCTAVO_TABLE_OPS(2)

// codes [rows, width], scales and zeroPoints [rows] -> packed with bias = -(zeroPoint * scale). attrs: bits.
Status table_from_codes(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View &codes = call.inputs[0], &scales = call.inputs[1], &zeros = call.inputs[2];
  const int64_t bits = call.attr_int(0);
  if (bits != 8 && bits != 4 && bits != 2) return fail(Code::InvalidArgument, "[%s] bits must be 8, 4 or 2", call.op);
  const Layout layout = {size_t(bits)};
  OCTAVO_TRY(expect_tensor(call, "codes", codes, DType::Uint8));
  OCTAVO_TRY(expect_packed_output(call, codes, layout));
  OCTAVO_TRY(expect_tensor(call, "scales", scales, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "zeroPoints", zeros, DType::Float32));
  const size_t rows = codes.dim(0), width = codes.dim(1);
  OCTAVO_TRY(expect_size(call, "scales", scales, rows));
  OCTAVO_TRY(expect_size(call, "zeroPoints", zeros, rows));
  for (size_t i = 0; i < codes.size(); i++) {
    if (codes.data[i] < 1u << bits) continue;
    return fail(Code::InvalidData, "[%s] code %d at position %zu does not fit %d bits; quantize with codes 0 to %d", call.op, int(codes.data[i]), i,
                int(bits), (1 << bits) - 1);
  }
  for (size_t r = 0; r < rows; r++) {
    const float scale = scales.floats()[r];
    write_row(call.outputs[0].data + r * layout.row_bytes(width), width, layout, scale, -(zeros.floats()[r] * scale),
              [&](size_t i) { return uint32_t(codes.data[r * width + i]); });
  }
  return {};
}

}  // namespace octavo

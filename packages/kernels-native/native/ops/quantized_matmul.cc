#include <string.h>

#include <atomic>
#include <vector>

#include "gemm_blocks.h"
#include "matrices.h"
#include "quantized.h"

namespace octavo {
namespace {

Status expect_product(const Call& call, const View& a, const View& b, const View& y) {
  bool fits = a.rank >= 2 && b.rank >= 2 && y.rank >= a.rank && y.rank >= b.rank && a.dim(-1) == b.dim(-2) && y.dim(-2) == a.dim(-2) &&
              y.dim(-1) == b.dim(-1);
  for (int i = 0; fits && i < y.rank - 2; i++) {
    for (const View* view : {&a, &b}) {
      const int own = i - (y.rank - view->rank);
      fits = fits && (own < 0 || view->dim(own) == 1 || view->dim(own) == y.dim(i));
    }
  }
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the shapes of a, b and y do not fit", call.op);
}

}  // namespace

// a [..., m, k], b [..., k, n] -> [..., m, n]. attrs: aScale, aZeroPoint, bScale, bZeroPoint, scale, zeroPoint.
// b becomes panels at each call. With scales of 1 the GEMM's float results are the exact sums rounded to float32, which is
// the definition, and quantized from there.
Status quantized_matmul(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &a = call.inputs[0], &b = call.inputs[1];
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_codes(call, "a", a));
  OCTAVO_TRY(expect_tensor(call, "b", b, a.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, a.dtype));
  OCTAVO_TRY(expect_product(call, a, b, y));
  if (y.size() == 0) return {};
  const size_t m = a.dim(-2), k = a.dim(-1), n = b.dim(-1), padded_n = panel_count(n) * OCTAVO_PANEL;
  const size_t batches = y.size() / m / n;
  const CodeType type = code_type(a);
  const AttrQParams qa = qparams_attr(call, 0), qb = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const octavo_to_codes to = to_codes(type, qa.scale * qb.scale * (1.0f / qy.scale), qy.zero);
  // The GEMM takes unsigned a and signed b.
  const uint8_t flip_b = type.flip ^ 0x80;
  const int32_t zero_b = qb.zero + type.shift - 128;
  const std::vector<float> ones(padded_n > OCTAVO_GEMM_ROWS ? padded_n : OCTAVO_GEMM_ROWS, 1.0f);
  const std::vector<int32_t> zeros_a(OCTAVO_GEMM_ROWS, qa.zero + type.shift);
  const std::vector<int32_t> zeros_b(padded_n, zero_b + call.kernels->u8s8_flip);
  const bool has_zeros = zero_b != 0 || call.kernels->u8s8_flip != 0;
  std::vector<int32_t> sums(padded_n);
  const uint8_t* a_codes = a.data;
  if (type.flip != 0) {
    uint8_t* flipped = scratch(1, a.size());
    if (flipped == nullptr && a.size() != 0) return fail(Code::OutOfMemory, "[%s] no memory for codes", call.op);
    for (size_t i = 0; i < a.size(); i++) flipped[i] = a.data[i] ^ type.flip;
    a_codes = flipped;
  }
  const size_t gemm_bytes = call.kernels->gemm_u8s8_scratch(k), panel_bytes = s8_panel_bytes(call.kernels, n, k);
  Buffer panels(panel_bytes), flipped_b(k * n);
  if ((panels.data() == nullptr && panel_bytes != 0) || (flipped_b.data() == nullptr && k * n != 0)) {
    return fail(Code::OutOfMemory, "[%s] no memory to pack b", call.op);
  }
  const size_t panel_stride = panel_bytes / panel_count(n);
  size_t packed_at = SIZE_MAX;
  std::atomic<bool> no_memory{false};
  for (size_t batch = 0; batch < batches; batch++) {
    const size_t b_at = matrix_of(b, y, batch) * k * n;
    if (b_at != packed_at) {
      for (size_t i = 0; i < k * n; i++) flipped_b.data()[i] = b.data[b_at + i] ^ flip_b;
      pack_s8_panels(call.kernels, {flipped_b.as<int8_t>(), n, k, 1, n}, panels.as<int8_t>(), sums.data());
      for (size_t j = 0; j < n; j++) sums[j] -= int32_t(k) * zero_b;
      packed_at = b_at;
    }
    const uint8_t* rows_a = a_codes + matrix_of(a, y, batch) * m * k;
    for_gemm_blocks(call, m, n, k, [&](size_t row, size_t rows, size_t column, size_t columns) {
      uint8_t* gemm_scratch = scratch(2, gemm_bytes);
      float* products = reinterpret_cast<float*>(scratch(0, rows * columns * sizeof(float)));
      if (gemm_scratch == nullptr || products == nullptr) {
        no_memory = true;
        return;
      }
      int32_t a_sums[OCTAVO_GEMM_ROWS];
      for (size_t r = 0; has_zeros && r < rows; r++) {
        a_sums[r] = 0;
        for (size_t i = 0; i < k; i++) a_sums[r] += rows_a[(row + r) * k + i];
      }
      octavo_gemm_u8s8 block = {};
      block.m = rows, block.n = columns, block.k = k;
      block.a = rows_a + row * k, block.lda = k;
      block.a_scales = ones.data(), block.a_zeros = zeros_a.data();
      block.b = panels.as<int8_t>() + column / OCTAVO_PANEL * panel_stride;
      block.b_scales = ones.data(), block.b_sums = sums.data() + column;
      block.c = products, block.ldc = columns;
      block.activation = OCTAVO_ACT_NONE;
      block.scratch = gemm_scratch;
      if (has_zeros) block.a_sums = a_sums, block.b_zeros = zeros_b.data() + column;
      call.kernels->gemm_u8s8(&block);
      for (size_t r = 0; r < rows; r++) {
        call.kernels->codes->quantize(products + r * columns, &to, y.data + (batch * m + row + r) * n + column, columns);
      }
    });
  }
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a block of rows", call.op) : Status{};
}

}  // namespace octavo

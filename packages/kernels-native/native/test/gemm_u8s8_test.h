// The integer GEMM against the scalar one and against its formula.
#pragma once
#include <memory>

#include "gemm_cases.h"
#ifdef OCTAVO_EMULATED
#include "emulated/tiles.h"
#endif

namespace {

// Codes and weights whose pair sums saturate an int16 (255 * 127 * 2, 255 * -128 * 2) or cancel; and the same with codes
// of 7 bits, for which kernels may have a path of their own.
enum Pattern { kRandom, kLargest, kSmallest, kAlternating, kExtremes, kEightBits, kPatterns = 2 * kEightBits };

struct IntProblem {
  size_t n, k;
  std::vector<uint8_t> a;
  std::vector<int8_t> b;
  std::vector<float> a_scales, b_scales, bias;
  std::vector<int32_t> a_zeros, a_sums, b_zeros;
  // Rows have the zero points `first_zero` and on; columns have 0, or any where `asymmetric`.
  IntProblem(size_t m, size_t n, size_t k, size_t pattern, size_t first_zero, bool asymmetric, Random& random)
      : n(n), k(k), a(m * k), b(n * k), a_scales(m), b_scales(n), bias(n), a_zeros(m), a_sums(m), b_zeros(n) {
    const size_t largest = pattern < kEightBits ? 255 : 127;
    pattern %= kEightBits;
    const bool any = pattern == kRandom;
    for (uint8_t& x : a) x = static_cast<uint8_t>(any ? random.below(largest + 1) : pattern == kExtremes ? largest * random.below(2) : largest);
    for (size_t i = 0; i < b.size(); i++) {
      const bool low = pattern == kSmallest || (pattern == kAlternating && i % 2) || (pattern == kExtremes && random.one_in(2));
      b[i] = static_cast<int8_t>(any ? static_cast<int>(random.below(256)) - 128 : low ? -128 : 127);
    }
    for (size_t r = 0; r < m; r++) {
      a_zeros[r] = static_cast<int32_t>((first_zero + r) % 256);
      for (size_t i = 0; i < k; i++) a_sums[r] += a[r * k + i];
    }
    for (int32_t& x : b_zeros) x = asymmetric ? static_cast<int32_t>(random.below(256)) - 128 : 0;
    for (float& x : a_scales) x = random.uniform(1e-4f, 0.1f);
    for (float& x : b_scales) x = random.uniform(1e-4f, 0.1f);
    for (float& x : bias) x = random.wide();
  }
  std::shared_ptr<PackedWeight> packed(const octavo_kernels* table) const {
    std::shared_ptr<PackedWeight> weight;
    const octavo::Int8Weight linear = {b.data(), 1, n, k, 1, b_scales.data(), b_zeros.data(), true, bias.data()};
    if (!octavo::pack_s8(table, linear, octavo::ConvGeometry(), &weight).ok()) abort();
    for (const size_t bits : {7, 8}) {
      if (weight->splits) weight->splits->at_once(bits);
    }
    return weight;
  }
};

octavo_gemm_u8s8 whole_gemm(const IntProblem& p, const PackedWeight& weight, size_t m, float* c, void* scratch) {
  return {m, p.n, p.k, p.a.data(), p.k, p.a_scales.data(), p.a_zeros.data(), weight.panels.as<int8_t>(),
          weight.scales.as<float>(), weight.sums.as<int32_t>(), weight.bias.as<float>(), c, p.n, OCTAVO_ACT_NONE, scratch,
          weight.has_zeros ? p.a_sums.data() : nullptr, weight.has_zeros ? weight.zeros.as<int32_t>() : nullptr,
          weight.splits.get(), 0};
}

void test_gemm_u8s8(const octavo_kernels* table, const octavo_kernels* scalar) {
  const size_t padded_n = octavo::panel_count(kColumns) * OCTAVO_PANEL;
  Guarded a(kRows * (kMaxK + 9)), a_scales(kRows * 4), a_zeros(kRows * 4), b(padded_n * (kMaxK + 64)), b_scales(padded_n * 4);
  Guarded b_sums(padded_n * 4), a_sums(kRows * 4), b_zeros(padded_n * 4), bias(padded_n * 4), c(kRows * (kColumns + 9) * 4);
  Guarded scratch(table->gemm_u8s8_scratch(kMaxK));
  octavo::Buffer scalar_scratch(scalar->gemm_u8s8_scratch(kMaxK));
  const size_t rows = rows_for(table->gemm_u8s8_name);
  for_each_k(table == scalar, [&](size_t k, size_t one_in) {
    Random random(options.seed * 1000037 + k);
    const size_t pattern = random.below(kPatterns);
    const IntProblem problem(rows, kColumns, k, pattern, k * rows, random.one_in(3), random);
    const auto weight = problem.packed(table), scalar_weight = problem.packed(scalar);
    const octavo_gemm_u8s8 whole = whole_gemm(problem, *scalar_weight, rows, nullptr, scalar_scratch.data());
    Expected<octavo_gemm_u8s8> expected(whole, scalar->gemm_u8s8);
    for_each_case(rows, random, one_in, [&](size_t m, size_t n) {
      const Layout l(n, k, random);
      const size_t panels = octavo::panel_count(n), whole_n = panels * OCTAVO_PANEL;
      check::at(kGemmFormat, m, n, k, l.lda, l.ldc, l.bias, l.activation, pattern);
      const octavo_gemm_u8s8 gemm = {
          m, n, k, copy_rows(a, problem.a.data(), k, m, k, l.lda, uint8_t(255), random), l.lda,
          a_scales.copy(problem.a_scales.data(), m, random), a_zeros.copy(problem.a_zeros.data(), m, random),
          b.copy(weight->panels.as<int8_t>(), panels * weight->panel_stride, random),
          b_scales.copy(weight->scales.as<float>(), whole_n, random), b_sums.copy(weight->sums.as<int32_t>(), whole_n, random),
          l.bias ? bias.copy(weight->bias.as<float>(), whole_n, random) : nullptr,
          fresh_rows(c, m, n, l.ldc, random), l.ldc, l.activation,
          scratch.fresh<uint8_t>((table->gemm_u8s8_scratch(k) + 63) / 64 * 64, random),
          weight->has_zeros ? a_sums.copy(problem.a_sums.data(), m, random) : nullptr,
          weight->has_zeros ? b_zeros.copy(weight->zeros.as<int32_t>(), whole_n, random) : nullptr, weight->splits.get(), 0};
      table->gemm_u8s8(&gemm);
      check::expect_floats("C", gemm.c, l.ldc, expected.of(l.bias, l.activation), kColumns, m, n);
      expect_gaps_untouched(gemm.c, m, n, l.ldc);
    });
  });
}

void test_gemm_u8s8_rows(const octavo_kernels* table, const octavo_kernels* scalar) {
  Random random(options.seed * 1000039);
  for (size_t m = 17 + 1; m <= OCTAVO_GEMM_ROWS; m++) {
    const size_t n = 1 + random.below(100), k = 1 + random.below(m == OCTAVO_GEMM_ROWS ? 2400 : 200);
    const size_t pattern = random.below(kPatterns);
    const IntProblem problem(m, n, k, pattern, random.below(256), random.one_in(2), random);
    const auto weight = problem.packed(table), scalar_weight = problem.packed(scalar);
    octavo::Buffer scratch(table->gemm_u8s8_scratch(k)), scalar_scratch(scalar->gemm_u8s8_scratch(k));
    std::vector<float> actual(m * n), expected(m * n);
    check::at(kGemmFormat, m, n, k, k, n, 1, 0, pattern);
    const octavo_gemm_u8s8 by_scalar = whole_gemm(problem, *scalar_weight, m, expected.data(), scalar_scratch.data());
    const octavo_gemm_u8s8 by_table = whole_gemm(problem, *weight, m, actual.data(), scratch.data());
    scalar->gemm_u8s8(&by_scalar);
    table->gemm_u8s8(&by_table);
    check::expect_floats("C", actual.data(), n, expected.data(), n, m, n);
  }
}

// Every zero point with every pattern against the formula, not against another kernel.
void test_gemm_u8s8_zero_points(const octavo_kernels* table) {
  const size_t n = 19, m = 16;
  Random random(options.seed * 1000081);
  for (const size_t k : {1, 4, 62, 64, 67, 129, 513}) {
    for (size_t pattern = 0; pattern < kPatterns; pattern++) {
      for (size_t zero = 0; zero < 256; zero += m) {
        const IntProblem p(m, n, k, pattern, zero, zero / m % 2, random);
        const auto weight = p.packed(table);
        octavo::Buffer scratch(table->gemm_u8s8_scratch(k));
        std::vector<float> c(m * n), expected(m * n);
        const octavo_gemm_u8s8 gemm = whole_gemm(p, *weight, m, c.data(), scratch.data());
        check::at(kGemmFormat, m, n, k, k, n, 1, 0, pattern);
        table->gemm_u8s8(&gemm);
        for (size_t r = 0; r < m; r++) {
          for (size_t j = 0; j < n; j++) {
            int64_t sum = 0;
            for (size_t i = 0; i < k; i++) sum += (int64_t(p.a[r * k + i]) - p.a_zeros[r]) * (p.b[j * k + i] - p.b_zeros[j]);
            expected[r * n + j] = fmaf(static_cast<float>(sum), p.a_scales[r] * p.b_scales[j], p.bias[j]);
          }
        }
        check::expect_floats("C", c.data(), n, expected.data(), n, m, n);
      }
    }
  }
}

#ifdef OCTAVO_EMULATED
// A library that configured a thread's tiles once finds them so after our products, and a thread that had none has none.
void test_tiles_kept(const octavo_kernels* table) {
  Random random(options.seed * 1000121);
  const IntProblem problem(40, 40, 100, kRandom, 0, false, random);
  const auto weight = problem.packed(table);
  octavo::Buffer scratch(table->gemm_u8s8_scratch(problem.k));
  std::vector<float> c(40 * problem.n);
  emulated::TileShapes none = {}, own = {};
  own.palette = 1, own.rows[3] = 5, own.row_bytes[3] = 12;
  for (const emulated::TileShapes& shapes : {none, own}) {
    _tile_loadconfig(&shapes);
    for (const size_t m : {1, 4, 40}) {
      check::at("m %zu, palette %zu", m, shapes.palette);
      const octavo_gemm_u8s8 gemm = whole_gemm(problem, *weight, m, c.data(), scratch.data());
      table->gemm_u8s8(&gemm);
      check::expect(memcmp(&emulated::tiles.shapes, &shapes, sizeof(shapes)) == 0);
    }
  }
  _tile_release();
}
#endif

}  // namespace

// The float GEMM, over floats and over codes, against the scalar one and against its formula.
#pragma once
#include <memory>

#include "gemm_cases.h"

namespace {

struct FloatProblem {
  size_t k;
  std::vector<float> a, bias, panels;
  FloatProblem(size_t m, size_t n, size_t k, Random& random)
      : k(k), a(m * k), bias(n), panels(octavo::f32_panel_floats(n, k)) {
    std::vector<float> b(n * k);
    for (float& x : a) x = random.wide();
    for (float& x : b) x = random.wide();
    for (float& x : bias) x = random.wide();
    if (k != 0 && random.one_in(4)) {
      for (size_t i = 0; i < n / 4; i++) b[random.below(b.size())] = check::special(random);
      for (size_t i = 0; i < m / 4; i++) a[random.below(a.size())] = check::special(random);
    }
    octavo::pack_f32(b.data(), {1, k}, n, k, panels.data());
  }
};

void test_gemm_f32(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded a(kRows * (kMaxK + 9) * 4), b(octavo::f32_panel_floats(kColumns, kMaxK) * 4);
  Guarded c(kRows * (kColumns + 9) * 4), bias(kColumns * 4);
  const size_t rows = rows_for(table->gemm_f32_name);
  for_each_k(table == scalar, [&](size_t k, size_t one_in) {
    Random random(options.seed * 1000003 + k);
    const FloatProblem problem(rows, kColumns, k, random);
    Expected<octavo_gemm_f32> expected({rows, kColumns, k, problem.a.data(), k, problem.panels.data(), nullptr, 0,
                                        problem.bias.data(), OCTAVO_ACT_NONE}, scalar->gemm_f32);
    for_each_case(rows, random, one_in, [&](size_t m, size_t n) {
      const Layout l(n, k, random);
      check::at(kGemmFormat, m, n, k, l.lda, l.ldc, l.bias, l.activation);
      octavo_gemm_f32 gemm = {m, n, k, copy_rows(a, problem.a.data(), k, m, k, l.lda, NAN, random), l.lda,
                              b.copy(problem.panels.data(), octavo::f32_panel_floats(n, k), random),
                              fresh_rows(c, m, n, l.ldc, random), l.ldc,
                              l.bias ? bias.copy(problem.bias.data(), n, random) : nullptr, l.activation};
      table->gemm_f32(&gemm);
      check::expect_floats("C", gemm.c, l.ldc, expected.of(l.bias, l.activation), kColumns, m, n);
      expect_gaps_untouched(gemm.c, m, n, l.ldc);
    });
  });
}

// As many rows as one call takes.
void test_gemm_f32_rows(const octavo_kernels* table, const octavo_kernels* scalar) {
  Random random(options.seed * 1000033);
  for (size_t m = 17 + 1; m <= OCTAVO_GEMM_ROWS; m++) {
    const size_t n = 1 + random.below(100), k = 1 + random.below(m == OCTAVO_GEMM_ROWS ? 600 : 70);
    const FloatProblem problem(m, n, k, random);
    std::vector<float> actual(m * n), expected(m * n);
    octavo_gemm_f32 gemm = {m, n, k, problem.a.data(), k, problem.panels.data(), expected.data(), n, nullptr, OCTAVO_ACT_NONE};
    check::at(kGemmFormat, m, n, k, k, n);
    scalar->gemm_f32(&gemm);
    gemm.c = actual.data();
    table->gemm_f32(&gemm);
    check::expect_floats("C", actual.data(), n, expected.data(), n, m, n);
  }
}

// Float GEMM over codes: what the scalar float GEMM gives for the weights that the codes stand for.
void test_gemm_f32_codes(const octavo_kernels* table, const octavo_kernels* scalar) {
  constexpr size_t kMostN = 70, kMostK = 600;
  Guarded a(kRows * (kMostK + 9) * 4), codes(octavo::panel_count(kMostN) * OCTAVO_PANEL * (kMostK + 8));
  Guarded scales(octavo::panel_count(kMostN) * OCTAVO_PANEL * kMostK * 4), zeros(octavo::panel_count(kMostN) * OCTAVO_PANEL * kMostK);
  Guarded c(kRows * (kMostN + 9) * 4), bias(kMostN * 4);
  Random random(options.seed * 1000117);
  for (size_t round = 0; round < (options.one_in == 1 ? 4000 : 400); round++) {
    const size_t bits = random.one_in(2) ? 8 : 4, m = random.one_in(2) ? 1 : 1 + random.below(kRows);
    const size_t n = 1 + random.below(kMostN), k = (random.one_in(8) ? 1 + random.below(kMostK / 2) : random.below(60)) * (8 / bits);
    const size_t groups_of[] = {8, 32, k + 1, 1 + random.below(20)};
    octavo::GroupedWeight weight = {nullptr, nullptr, nullptr, n, k, bits, groups_of[random.below(4)]};
    const size_t groups = weight.groups();
    const bool tiny = random.one_in(8);  // products in subnormal numbers
    std::vector<uint8_t> own_codes(n * k * bits / 8), own_zeros(n * groups);
    std::vector<float> own_scales(n * groups), own_a(m * k), own_bias(n), floats(n * k), panels(octavo::f32_panel_floats(n, k));
    for (uint8_t& x : own_codes) x = uint8_t(random.below(256));
    for (uint8_t& x : own_zeros) x = uint8_t(random.below(size_t(1) << bits));
    for (float& x : own_scales) x = random.wide() * (tiny ? 1e-38f : 1.0f);
    for (float& x : own_a) x = random.one_in(200) ? check::special(random) : random.wide();
    for (float& x : own_bias) x = random.wide();
    for (size_t i = 0; i < n * k; i++) {
      const size_t group = i / k * groups + i % k / weight.group_size;
      const int code = own_codes[i * bits / 8] >> i * bits % 8 & ((1 << bits) - 1);
      floats[i] = float(code - own_zeros[group]) * own_scales[group];
    }
    octavo::pack_f32(floats.data(), {1, k}, n, k, panels.data());
    const Layout l(n, k, random);
    check::at("m %zu, n %zu, k %zu, lda %zu, ldc %zu, bits %zu, group %zu, tiny %zu", m, n, k, l.lda, l.ldc, bits, weight.group_size, tiny);
    std::vector<float> expected(m * n);
    const octavo_gemm_f32 reference = {m, n, k, own_a.data(), k, panels.data(), expected.data(), n, l.bias ? own_bias.data() : nullptr, l.activation};
    scalar->gemm_f32(&reference);
    weight.codes = own_codes.data(), weight.scales = own_scales.data(), weight.zeros = own_zeros.data();
    std::shared_ptr<PackedWeight> packed;
    if (!check::expect(octavo::pack_grouped(weight, &packed).ok())) continue;
    const size_t count = octavo::panel_count(n), parameters = count * groups * OCTAVO_PANEL;
    octavo_gemm_f32_codes gemm = {m, n, k, copy_rows(a, own_a.data(), k, m, k, l.lda, NAN, random), l.lda, bits,
                                  codes.copy(packed->panels.data(), count * packed->panel_stride, random), weight.group_size, groups,
                                  scales.copy(packed->scales.as<float>(), parameters, random),
                                  zeros.copy(packed->zeros.data(), parameters, random), packed->prescalable,
                                  l.bias ? bias.copy(own_bias.data(), n, random) : nullptr, fresh_rows(c, m, n, l.ldc, random), l.ldc, l.activation};
    table->gemm_f32_codes(&gemm);
    check::expect_floats("C", gemm.c, l.ldc, expected.data(), n, m, n);
    expect_gaps_untouched(gemm.c, m, n, l.ldc);
  }
}

// The float GEMM against its formula; GELU of a product is the GELU kernel's.
void test_gemm_f32_formula(const octavo_kernels* table) {
  Random random(options.seed * 1000099);
  for (size_t k = 0; k < 300; k += k < 20 ? 1 : 37) {
    const size_t m = 1 + random.below(9), n = 1 + random.below(50);
    const FloatProblem p(m, n, k, random);
    for (const octavo_activation activation : kActivations) {
      std::vector<float> c(m * n), expected(m * n), alpha(n), beta(n);
      for (float& x : alpha) x = random.wide();
      for (float& x : beta) x = random.wide();
      const bool normed = random.one_in(2);
      const octavo_gemm_f32 gemm = {m, n, k, p.a.data(), k, p.panels.data(), c.data(), n, p.bias.data(), activation,
                                    normed ? alpha.data() : nullptr, normed ? beta.data() : nullptr};
      check::at(kGemmFormat, m, n, k, k, n, 1, activation);
      table->gemm_f32(&gemm);
      for (size_t r = 0; r < m; r++) {
        for (size_t j = 0; j < n; j++) {
          float sum = 0;
          const float* column = p.panels.data() + j / OCTAVO_PANEL * k * OCTAVO_PANEL + j % OCTAVO_PANEL;
          for (size_t i = 0; i < k; i++) sum = fmaf(p.a[r * k + i], column[i * OCTAVO_PANEL], sum);
          sum += p.bias[j];
          expected[r * n + j] = normed ? fmaf(sum, alpha[j], beta[j]) : sum;
        }
      }
      if (activation == OCTAVO_ACT_RELU) table->unary(OCTAVO_UNARY_RELU, expected.data(), expected.data(), m * n);
      if (activation == OCTAVO_ACT_GELU) table->unary(OCTAVO_UNARY_GELU, expected.data(), expected.data(), m * n);
      if (activation == OCTAVO_ACT_GELU_TANH) table->unary(OCTAVO_UNARY_GELU_TANH, expected.data(), expected.data(), m * n);
      if (activation == OCTAVO_ACT_RELU6) for (float& x : expected) x = 0 > x ? 0 : 6 < x ? 6 : x;
      check::expect_floats("C", c.data(), n, expected.data(), n, m, n);
    }
  }
}

}  // namespace

// Every table of kernels that this CPU runs against the scalar table, bit for bit, over all tails, with buffers that
// end and begin at pages which cannot be touched; and the scalar table against its formulas.
//
//   kernels_test [--long] [--one-in=N] [--seed=N] [--table=ISA]... [--sources=native/kernels] [--expect=ISA,ISA...]
//
// Kernels that a table has from another one are tested there. With --expect only one thing is tested: that this CPU runs
// exactly these tables. GEMM cases are all m, n and k up to two tiles and more; one in N of them is drawn from the seed, all
// with --long.
#include <memory>
#include <string>

#include "../include/octavo_kernels.h"
#include "../runtime/cpu.h"
#include "../runtime/pack.h"
#include "check.h"
#include "code_kernels_test.h"
#include "conv_test.h"
#ifdef OCTAVO_EMULATED
#include "emulated/tiles.h"
#endif

namespace {

using check::Guarded;
using check::Random;
using octavo::PackedWeight;

struct Options {
  size_t one_in = 6;
  uint64_t seed = 1;
  std::vector<std::string> tables;  // or all
  const char* sources = nullptr;
  const char* expect = nullptr;
  uint32_t bits_step = 64007;  // between the bit patterns that unary functions are given
} options;

// Two tiles and one more, of the widest group (6 panels of 16 columns) and the tallest tile (32 rows).
constexpr size_t kColumns = 2 * 6 * OCTAVO_PANEL + 1, kRows = 2 * 32 + 1;
// Of a kernel's own tile, whose rows are in its name: gemm_<types>_<rows>x<columns>c<k group>__<isa>; not less than 17.
size_t rows_for(const char* kernel) {
  const char* rows = strchr(strchr(kernel, '_') + 1, '_') + 1;
  const size_t two_and_one = 2 * strtoull(rows, nullptr, 10) + 1;
  return two_and_one < 17 ? 17 : two_and_one;
}
// Around every kernel's K block (192, 256, 384, 512), twice some of them, and longer.
constexpr size_t kLargeK[] = {191, 192, 193, 255, 256, 257, 383, 384, 385, 511, 512, 513, 577, 768, 769, 1537};
constexpr size_t kMaxK = 1537;
constexpr octavo_activation kActivations[] = {OCTAVO_ACT_NONE, OCTAVO_ACT_RELU, OCTAVO_ACT_GELU, OCTAVO_ACT_RELU6};

// Calls with each k and how many of its cases there are for one that runs: fewer of the slow ones, and fewer where the
// scalar table meets itself, which shows no more than where it reads and writes.
template <class Body> void for_each_k(bool itself, Body body) {
  const size_t one_in = options.one_in * (itself ? 20 : 1);
  for (size_t k = 0; k <= 129; k++) body(k, one_in);
  for (const size_t k : kLargeK) body(k, options.one_in == 1 ? one_in : one_in * 8);
}

// The outputs that scalar gives for one k: [rows][kColumns] each for with and without bias and every activation.
// No output depends on how many others there are, so each case needs only a corner of one of them.
template <class Gemm> class Expected {
 public:
  Expected(Gemm whole, void (*run)(const Gemm*)) : whole_(whole), run_(run) {}
  const float* of(bool bias, octavo_activation activation) {
    std::vector<float>& c = c_[bias][activation];
    if (c.empty()) {
      c.resize(whole_.m * kColumns);
      Gemm gemm = whole_;
      if (!bias) gemm.bias = nullptr;
      gemm.activation = activation, gemm.c = c.data(), gemm.ldc = kColumns;
      run_(&gemm);
    }
    return c.data();
  }

 private:
  Gemm whole_;
  void (*run_)(const Gemm*);
  std::vector<float> c_[2][4];
};

size_t span(size_t rows, size_t step, size_t columns) { return rows == 0 ? 0 : (rows - 1) * step + columns; }

// Rows of a matrix whose last row ends where its buffer ends; what lies between rows is `filler`.
template <class T>
T* copy_rows(Guarded& buffer, const T* from, size_t from_step, size_t m, size_t k, size_t step, T filler,
             Random& random) {
  T* to = buffer.place<T>(span(m, step, k), random);
  for (size_t r = 0; r < m; r++) {
    if (k != 0) memcpy(to + r * step, from + r * from_step, k * sizeof(T));
    for (size_t i = k; r + 1 < m && i < step; i++) to[r * step + i] = filler;
  }
  return to;
}

float* fresh_rows(Guarded& buffer, size_t m, size_t n, size_t step, Random& random) {
  return buffer.fresh<float>(span(m, step, n), random);
}

void expect_gaps_untouched(const float* c, size_t m, size_t n, size_t step) {
  bool ok = true;
  for (size_t r = 0; r + 1 < m; r++) {
    for (size_t i = n; i < step; i++) ok = ok && check::to_bits(c[r * step + i]) == 0xA5A5A5A5u;
  }
  if (!check::expect(ok)) printf("  wrote between the rows of C\n");
}

const char* const kGemmFormat = "m %zu, n %zu, k %zu, lda %zu, ldc %zu, bias %zu, activation %zu, pattern %zu";

// All m and n, or one in `one_in` of them; of a tall tile no more than of one of 8 rows.
template <class Case> void for_each_case(size_t rows, Random& random, size_t one_in, Case run) {
  for (size_t m = 1; m <= rows; m++) {
    for (size_t n = 1; n <= kColumns; n++) {
      if (random.one_in(one_in == 1 ? 1 : one_in * rows / 17)) run(m, n);
    }
  }
}

struct Layout {
  size_t lda, ldc;
  bool bias;
  octavo_activation activation;
  Layout(size_t n, size_t k, Random& random)
      : lda(k + (random.one_in(2) ? 1 + random.below(9) : 0)), ldc(n + (random.one_in(2) ? 1 + random.below(9) : 0)),
        bias(random.one_in(2)), activation(kActivations[random.below(4)]) {}
};

// Float GEMM.

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

// Integer GEMM.

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
    return weight;
  }
};

octavo_gemm_u8s8 whole_gemm(const IntProblem& p, const PackedWeight& weight, size_t m, float* c, void* scratch) {
  return {m, p.n, p.k, p.a.data(), p.k, p.a_scales.data(), p.a_zeros.data(), weight.panels.as<int8_t>(),
          weight.scales.as<float>(), weight.sums.as<int32_t>(), weight.bias.as<float>(), c, p.n, OCTAVO_ACT_NONE, scratch,
          weight.has_zeros ? p.a_sums.data() : nullptr, weight.has_zeros ? weight.zeros.as<int32_t>() : nullptr};
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
          weight->has_zeros ? b_zeros.copy(weight->zeros.as<int32_t>(), whole_n, random) : nullptr};
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

// The float GEMM against its formula; GELU of a product is the GELU kernel's.
void test_gemm_f32_formula(const octavo_kernels* table) {
  Random random(options.seed * 1000099);
  for (size_t k = 0; k < 300; k += k < 20 ? 1 : 37) {
    const size_t m = 1 + random.below(9), n = 1 + random.below(50);
    const FloatProblem p(m, n, k, random);
    for (const octavo_activation activation : kActivations) {
      std::vector<float> c(m * n), expected(m * n);
      const octavo_gemm_f32 gemm = {m, n, k, p.a.data(), k, p.panels.data(), c.data(), n, p.bias.data(), activation};
      check::at(kGemmFormat, m, n, k, k, n, 1, activation);
      table->gemm_f32(&gemm);
      for (size_t r = 0; r < m; r++) {
        for (size_t j = 0; j < n; j++) {
          float sum = 0;
          const float* column = p.panels.data() + j / OCTAVO_PANEL * k * OCTAVO_PANEL + j % OCTAVO_PANEL;
          for (size_t i = 0; i < k; i++) sum = fmaf(p.a[r * k + i], column[i * OCTAVO_PANEL], sum);
          expected[r * n + j] = sum + p.bias[j];
        }
      }
      if (activation == OCTAVO_ACT_RELU) table->unary(OCTAVO_UNARY_RELU, expected.data(), expected.data(), m * n);
      if (activation == OCTAVO_ACT_GELU) table->unary(OCTAVO_UNARY_GELU, expected.data(), expected.data(), m * n);
      if (activation == OCTAVO_ACT_RELU6) for (float& x : expected) x = 0 > x ? 0 : 6 < x ? 6 : x;
      check::expect_floats("C", c.data(), n, expected.data(), n, m, n);
    }
  }
}

// Row kernels.

constexpr size_t kMaxRow = 1000;

// Rows of every length to 70 and a few longer, some of ordinary values and some of any; `random` goes on.
template <class Body> void for_each_row(uint64_t seed, Body body) {
  Random random(options.seed * 1000117 + seed);
  for (size_t n = 0; n <= 70 + 4; n++) {
    const size_t length = n <= 70 ? n : n == 71 ? 100 : n == 72 ? 255 : n == 73 ? 768 : kMaxRow;
    for (size_t round = 0; round < 4; round++) {
      std::vector<float> x(length);
      for (float& value : x) value = round < 2 ? random.uniform(-8, 8) : round == 2 ? random.wide() : check::any_float(random);
      body(x, random);
    }
  }
}

void test_unary(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded from(kMaxRow * 4), to(kMaxRow * 4);
  for (int fn = 0; fn < OCTAVO_UNARY_COUNT; fn++) {
    const octavo_unary unary = static_cast<octavo_unary>(fn);
    for_each_row(fn, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      std::vector<float> expected(n);
      check::at("unary %zu, n %zu", fn, n);
      scalar->unary(unary, x.data(), expected.data(), n);
      float* in = from.copy(x.data(), n, random);
      float* out = random.one_in(4) ? in : to.fresh<float>(n, random);
      table->unary(unary, in, out, n);
      check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
    });
    for (uint64_t bits = 0; bits >> 32 == 0;) {
      float x[256], y[256], expected[256];
      check::at("unary %zu, bits from %zu", fn, bits);
      for (float& value : x) value = check::from_bits(static_cast<uint32_t>(bits)), bits += options.bits_step;
      scalar->unary(unary, x, expected, 256);
      table->unary(unary, x, y, 256);
      check::expect_floats("y", y, 0, expected, 0, 1, 256);
    }
  }
}

void test_binary(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded left(kMaxRow * 4), right(kMaxRow * 4), to(kMaxRow * 4);
  for (int fn = OCTAVO_BINARY_ADD; fn <= OCTAVO_BINARY_DIV; fn++) {
    const octavo_binary binary = static_cast<octavo_binary>(fn);
    for (size_t steps = 0; steps < 4; steps++) {
      const size_t a_step = steps / 2, b_step = steps % 2;
      for_each_row(100 + fn * 4 + steps, [&](const std::vector<float>& x, Random& random) {
        const size_t n = x.size();
        std::vector<float> y(n + 1), z(n + 1), expected(n);
        for (size_t i = 0; i < n; i++) y[i] = x[i], z[i] = check::any_float(random);
        check::at("binary %zu, steps %zu and %zu, n %zu", fn, a_step, b_step, n);
        scalar->binary(binary, y.data(), a_step, z.data(), b_step, expected.data(), n);
        const float* a = left.copy(y.data(), a_step ? n : 1, random);
        const float* b = right.copy(z.data(), b_step ? n : 1, random);
        float* out = to.fresh<float>(n, random);
        table->binary(binary, a, a_step, b, b_step, out, n);
        check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
      });
    }
  }
}

void test_activation(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded from(kMaxRow * 4), to(kMaxRow * 4);
  for (int fn = 0; fn < OCTAVO_ACTIVATION_COUNT; fn++) {
    const octavo_activation_function activation = static_cast<octavo_activation_function>(fn);
    for_each_row(600 + fn, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      std::vector<float> expected(n);
      const float parameters[2] = {random.uniform(-2, 0), random.uniform(0, 2)};
      check::at("activation %zu, n %zu", fn, n);
      scalar->activation(activation, parameters, x.data(), expected.data(), n);
      float* out = to.fresh<float>(n, random);
      table->activation(activation, parameters, from.copy(x.data(), n, random), out, n);
      check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
    });
  }
}

void test_affine(const octavo_kernels* table, const octavo_kernels*) {
  Guarded from(kMaxRow * 4), alphas(kMaxRow * 4), betas(kMaxRow * 4), to(kMaxRow * 4);
  for (size_t step = 0; step < 2; step++) {
    for_each_row(620 + step, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      std::vector<float> alpha(n + 1), beta(n + 1), expected(n);
      for (float& a : alpha) a = random.wide();
      for (float& b : beta) b = random.wide();
      for (size_t i = 0; i < n; i++) expected[i] = fmaf(x[i], alpha[i * step], beta[i * step]);
      check::at("affine, step %zu, n %zu", step, n);
      const float* a = alphas.copy(alpha.data(), step ? n : 1, random);
      const float* b = betas.copy(beta.data(), step ? n : 1, random);
      float* out = to.fresh<float>(n, random);
      table->affine(from.copy(x.data(), n, random), a, b, step, out, n);
      check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
    });
  }
}

// Gates of `units` units in blocks of 16, as random floats.
std::vector<float> random_gates(size_t units, size_t gates, bool strange, Random& random) {
  std::vector<float> values(octavo::panel_count(units) * gates * OCTAVO_PANEL);
  for (float& value : values) value = strange ? check::any_float(random) : random.uniform(-6, 6);
  return values;
}

// The step by the table's own sigmoid and tanh: what is left are sums and products.
void recurrent_formula(const octavo_kernels* table, octavo_cell cell, size_t gates, const std::vector<float>& ih, const std::vector<float>& hh,
                       std::vector<float>& c, std::vector<float>& h) {
  const auto apply = [&](octavo_unary fn, float x) {
    table->unary(fn, &x, &x, 1);
    return x;
  };
  const auto sigmoid = [&](float x) { return apply(OCTAVO_UNARY_SIGMOID, x); };
  const auto tanh = [&](float x) { return apply(OCTAVO_UNARY_TANH, x); };
  for (size_t unit = 0; unit < h.size(); unit++) {
    const size_t first = unit / OCTAVO_PANEL * gates * OCTAVO_PANEL + unit % OCTAVO_PANEL;
    const auto at = [&](size_t gate) { return first + gate * OCTAVO_PANEL; };
    const auto sum = [&](size_t gate) { return hh[at(gate)] + ih[at(gate)]; };
    if (gates == 4) {
      const float kept = sigmoid(sum(1)) * c[unit], added = sigmoid(sum(0)) * tanh(sum(2));
      c[unit] = kept + added;
      h[unit] = sigmoid(sum(3)) * tanh(c[unit]);
    } else if (gates == 1) {
      h[unit] = apply(cell == OCTAVO_CELL_RNN_RELU ? OCTAVO_UNARY_RELU : OCTAVO_UNARY_TANH, sum(0));
    } else {
      const float reset = hh[at(2)] * sigmoid(sum(0)), n = tanh(ih[at(2)] + reset);
      const float difference = (h[unit] - n) * sigmoid(sum(1));
      h[unit] = difference + n;
    }
  }
}

void test_recurrent_step(const octavo_kernels* table, const octavo_kernels*) {
  Guarded ihs(kMaxRow * 16), hhs(kMaxRow * 16), cs(kMaxRow * 4), hs(kMaxRow * 4);
  for (int cell = 0; cell < OCTAVO_CELL_COUNT; cell++) {
    const size_t gates = cell == OCTAVO_CELL_LSTM ? 4 : cell == OCTAVO_CELL_GRU ? 3 : 1;
    for_each_row(640 + cell, [&](std::vector<float> h, Random& random) {
      const size_t units = h.size();
      const bool strange = random.one_in(3);
      const std::vector<float> ih = random_gates(units, gates, strange, random), hh = random_gates(units, gates, strange, random);
      std::vector<float> c(units);
      for (float& value : c) value = strange ? check::any_float(random) : random.uniform(-2, 2);
      check::at("recurrent_step, cell %zu, units %zu", size_t(cell), units);
      octavo_recurrent_step step = {octavo_cell(cell), units, ihs.copy(ih.data(), ih.size(), random), hhs.copy(hh.data(), hh.size(), random),
                                    gates == 4 ? cs.copy(c.data(), units, random) : nullptr, hs.copy(h.data(), units, random), -0.25f, 0.125f};
      table->recurrent_step(&step);
      recurrent_formula(table, octavo_cell(cell), gates, ih, hh, c, h);
      check::expect_floats("h", step.h, 0, h.data(), 0, 1, units);
      if (gates == 4) check::expect_floats("c", step.c, 0, c.data(), 0, 1, units);
      float range[2] = {-0.25f, 0.125f};
      for (const float value : h) {
        if (!isfinite(value)) continue;
        range[0] = value < range[0] ? value : range[0], range[1] = value > range[1] ? value : range[1];
      }
      const float got[2] = {step.low, step.high};
      check::expect_floats("range", got, 0, range, 0, 1, 2);
    });
  }
}

void test_softmax(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded row(kMaxRow * 4), masks(kMaxRow * 4);
  enum { kPlain, kNoMask, kOneMask, kMask };
  for (size_t kind = kPlain; kind <= kMask; kind++) {
    for_each_row(200 + kind, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      std::vector<float> expected = x, mask(n + 1);
      const bool strange = random.one_in(4);
      for (float& m : mask) {
        m = strange ? check::any_float(random) : random.one_in(2) ? 0.0f : random.one_in(2) ? -HUGE_VALF : -0x1.fffffep127f;
      }
      const float scale = random.one_in(8) ? check::special(random) : random.uniform(0.01f, 2);
      check::at("softmax kind %zu, n %zu", kind, n);
      float* y = row.copy(x.data(), n, random);
      if (kind == kPlain) {
        scalar->softmax_plain(expected.data(), n);
        table->softmax_plain(y, n);
      } else {
        const float* m = kind == kNoMask ? nullptr : masks.copy(mask.data(), kind == kMask ? n : 1, random);
        scalar->softmax(expected.data(), n, scale, kind == kNoMask ? nullptr : mask.data(), kind == kMask);
        table->softmax(y, n, scale, m, kind == kMask);
      }
      check::expect_floats("y", y, 0, expected.data(), 0, 1, n);
    });
  }
}

void test_layer_norm(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded from(kMaxRow * 4), weights(kMaxRow * 4), biases(kMaxRow * 4), to(kMaxRow * 4);
  for (size_t parameters = 0; parameters < 4; parameters++) {
    for_each_row(300 + parameters, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      std::vector<float> weight(n + 1), bias(n + 1), expected(n);
      for (float& w : weight) w = random.uniform(-2, 2);
      for (float& b : bias) b = random.wide();
      const float eps = random.one_in(2) ? 1e-12f : 1e-5f;
      check::at("layer_norm, weight %zu, bias %zu, n %zu", parameters % 2, parameters / 2, n);
      scalar->layer_norm(x.data(), n, parameters % 2 ? weight.data() : nullptr,
                         parameters / 2 ? bias.data() : nullptr, eps, expected.data());
      const float* in = from.copy(x.data(), n, random);
      const float* w = parameters % 2 ? weights.copy(weight.data(), n, random) : nullptr;
      const float* b = parameters / 2 ? biases.copy(bias.data(), n, random) : nullptr;
      float* out = to.fresh<float>(n, random);
      table->layer_norm(in, n, w, b, eps, out);
      check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
    });
  }
}

void test_finite_range(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded from(kMaxRow * 4), to(8);
  for (size_t round = 0; round < 4; round++) {
    for_each_row(400 + round, [&](const std::vector<float>& x, Random& random) {
      const size_t n = x.size();
      float expected[2];
      check::at("finite_range, n %zu", n);
      scalar->finite_range(x.data(), n, &expected[0], &expected[1]);
      float* actual = to.fresh<float>(2, random);
      table->finite_range(from.copy(x.data(), n, random), n, &actual[0], &actual[1]);
      check::expect_floats("range", actual, 0, expected, 0, 1, 2);
      float min = 0, max = 0;
      for (const float value : x) {
        if (!isfinite(value)) continue;
        min = value < min ? value : min, max = value > max ? value : max;
      }
      const float formula[2] = {min, max};
      check::expect_floats("range by the formula", actual, 0, formula, 0, 1, 2);
    });
  }
}

void test_quantize(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded from(kMaxRow * 4), to(kMaxRow);
  for (size_t zero = 0; zero < 256; zero += zero < 250 ? 5 : 1) {
    for_each_row(500 + zero, [&](std::vector<float> x, Random& random) {
      const size_t n = x.size();
      const bool exact = random.one_in(2);  // a power of two, and values that meet ties and both ends
      const float inverse = exact ? ldexpf(1, static_cast<int>(random.below(16)) - 8)
                            : random.one_in(16) ? fabsf(check::special(random)) : random.uniform(0.01f, 100);
      for (float& value : x) {
        const float code = static_cast<float>(random.below(600)) * 0.5f - 20;
        if (exact && !random.one_in(8)) value = (code - static_cast<float>(zero)) / inverse;
      }
      std::vector<uint8_t> expected(n + 1);
      check::at("quantize_fma, zero %zu, n %zu", zero, n);
      scalar->quantize_fma(x.data(), n, inverse, static_cast<float>(zero), expected.data());
      uint8_t* codes = to.fresh<uint8_t>(n, random);
      table->quantize_fma(from.copy(x.data(), n, random), n, inverse, static_cast<float>(zero), codes);
      check::expect(n == 0 || memcmp(codes, expected.data(), n) == 0);
      bool formula = true;
      for (size_t i = 0; i < n; i++) {
        const float t = fmaf(x[i], inverse, static_cast<float>(zero));
        const float number = t == t ? t : static_cast<float>(zero);
        const float clamped = number > 0 ? (number < 255 ? number : 255) : 0;
        formula = formula && codes[i] == static_cast<uint8_t>(nearbyintf(clamped));
      }
      check::expect(formula);
    });
  }
}

// The names in a table are those of the files that hold its kernels, its own or a lesser instruction set's.
void test_names(const octavo_kernels* table) {
  octavo::Isa isas[8];
  const size_t count = octavo::known_isas(isas);
  for (const char* name : {table->gemm_f32_name, table->gemm_u8s8_name}) {
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
      const std::string path = std::string(options.sources) + "/" + isas[i].name + "/" + name + ".h";
      FILE* file = fopen(path.c_str(), "r");
      found = file != nullptr;
      if (found) fclose(file);
      if (strcmp(isas[i].name, table->isa) == 0) break;
    }
    if (!check::expect(found)) printf("  there is no %s.h\n", name);
  }
}

// That dispatch offers what this CPU has, and the best of it where nothing caps it.
void test_dispatch(const octavo_kernels* const* tables, size_t count) {
  std::string names;
  for (size_t i = 0; i < count; i++) names += std::string(i == 0 ? "" : ",") + tables[i]->isa;
  if (!check::expect(names == options.expect)) printf("  this CPU runs %s, expected %s\n", names.c_str(), options.expect);
  check::expect(octavo::choose_kernels(nullptr) == tables[count - 1]);
  for (size_t i = 0; i < count; i++) check::expect(octavo::choose_kernels(tables[i]->isa) == tables[i]);
}

// `tested`: a table whose kernels were tested, or nullptr; the table has all but its int8 products from it.
void test_table(const octavo_kernels* table, const octavo_kernels* scalar, const octavo_kernels* tested) {
  const auto run = [&](const char* kernel, const char* name, auto test) {
    check::group(kernel, name, options.seed, [&] { test(table, scalar); });
  };
  const auto alone = [&](const char* kernel, const char* name, auto test) {
    check::group(kernel, name, options.seed, [&] { test(table); });
  };
  const std::string rows = std::string("rows__") + table->isa;
  if (options.sources) alone(table->isa, "names are files", test_names);
  if (!tested) {
    run(table->gemm_f32_name, "all tails", test_gemm_f32);
    run(table->gemm_f32_name, "many rows", test_gemm_f32_rows);
    alone(table->gemm_f32_name, "formula", test_gemm_f32_formula);
    run(table->gemm_f32_name, "over codes of 8 and 4 bits", test_gemm_f32_codes);
  }
  run(table->gemm_u8s8_name, "all tails", test_gemm_u8s8);
  run(table->gemm_u8s8_name, "many rows", test_gemm_u8s8_rows);
  alone(table->gemm_u8s8_name, "formula, every zero point", test_gemm_u8s8_zero_points);
  for (const ConvTest& test : conv_tests()) {
    if (tested && !test.gemm) continue;
    check::group(test.gemm ? table->gemm_u8s8_name : rows.c_str(), test.name, options.seed, [&] { test.run(table, options.seed, options.one_in); });
  }
#ifdef OCTAVO_EMULATED
  if (strcmp(table->isa, "amx") == 0) alone(table->gemm_u8s8_name, "tiles left as found", test_tiles_kept);
#endif
  if (tested) return;
  run(rows.c_str(), "unary", test_unary);
  run(rows.c_str(), "binary", test_binary);
  run(rows.c_str(), "activation", test_activation);
  run(rows.c_str(), "affine", test_affine);
  run(rows.c_str(), "recurrent_step", test_recurrent_step);
  run(rows.c_str(), "softmax", test_softmax);
  run(rows.c_str(), "layer_norm", test_layer_norm);
  run(rows.c_str(), "finite_range", test_finite_range);
  run(rows.c_str(), "quantize_fma", test_quantize);
  const std::string codes = std::string("codes__") + table->isa;
  run(codes.c_str(), "look_up", code_kernels::test_look_up);
  run(codes.c_str(), "add, mul", code_kernels::test_add_and_mul);
  run(codes.c_str(), "max", code_kernels::test_max);
  run(codes.c_str(), "sums", code_kernels::test_sums);
  run(codes.c_str(), "quantize, dequantize", code_kernels::test_quantize);
  run(codes.c_str(), "affine, normalize", code_kernels::test_norms);
  run(codes.c_str(), "add_scaled", code_kernels::test_add_scaled);
  run(codes.c_str(), "interpolate", code_kernels::test_interpolate);
}

void read_options(int count, char** arguments) {
  for (int i = 1; i < count; i++) {
    const char* argument = arguments[i];
    if (strcmp(argument, "--long") == 0) options.one_in = 1, options.bits_step = 257;
    else if (strncmp(argument, "--one-in=", 9) == 0) options.one_in = strtoull(argument + 9, nullptr, 10);
    else if (strncmp(argument, "--seed=", 7) == 0) options.seed = strtoull(argument + 7, nullptr, 10);
    else if (strncmp(argument, "--table=", 8) == 0) options.tables.push_back(argument + 8);
    else if (strncmp(argument, "--sources=", 10) == 0) options.sources = argument + 10;
    else if (strncmp(argument, "--expect=", 9) == 0) options.expect = argument + 9;
    else {
      fprintf(stderr, "unknown option %s\n", argument);
      exit(2);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  read_options(count, arguments);
  check::report_crashes();
  const octavo_kernels* tables[8];
  size_t table_count = octavo::supported_kernels(tables);
#ifdef OCTAVO_EMULATED
  // All that are not plain C++ or AVX2 are compiled from the same source for any CPU; see `emulated/immintrin.h`.
  octavo::Isa isas[8];
  table_count = octavo::known_isas(isas);
  for (size_t i = 0; i < table_count; i++) tables[i] = octavo::kernels_of(isas[i].name);
#endif
  if (options.expect) check::group("dispatch", options.expect, options.seed, [&] { test_dispatch(tables, table_count); });
  const auto same_but_products = [](const octavo_kernels* a, const octavo_kernels* b) {
    return a->gemm_f32 == b->gemm_f32 && a->depthwise_u8s8 == b->depthwise_u8s8 && a->codes == b->codes && a->unary == b->unary;
  };
  for (size_t i = 0; i < table_count && !options.expect; i++) {
    const octavo_kernels* tested = nullptr;
    for (size_t j = 0; j < i; j++) tested = same_but_products(tables[i], tables[j]) ? tables[j] : tested;
    bool wanted = options.tables.empty();
    for (const std::string& name : options.tables) wanted = wanted || name == tables[i]->isa;
    if (wanted) test_table(tables[i], tables[0], tested);
  }
  printf("%zu passed, %zu failed\n", check::groups_passed, check::groups_failed);
  return check::groups_failed == 0 && check::groups_passed != 0 ? 0 : 1;
}

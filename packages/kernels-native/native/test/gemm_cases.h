// The shapes, memory and results that tests of both GEMMs share.
#pragma once
#include "../include/octavo_kernels.h"
#include "../runtime/pack.h"
#include "check.h"
#include "test_options.h"

namespace {

using check::Guarded;
using check::Random;
using octavo::PackedWeight;

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
constexpr octavo_activation kActivations[] = {OCTAVO_ACT_NONE, OCTAVO_ACT_RELU, OCTAVO_ACT_GELU, OCTAVO_ACT_RELU6, OCTAVO_ACT_GELU_TANH};

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
  std::vector<float> c_[2][sizeof(kActivations) / sizeof(*kActivations)];
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
        bias(random.one_in(2)), activation(kActivations[random.below(5)]) {}
};

}  // namespace

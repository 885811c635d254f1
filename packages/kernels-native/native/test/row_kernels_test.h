// Kernels over rows of floats and steps of recurrent layers, against the scalar ones and against their formulas.
#pragma once
#include "gemm_cases.h"

namespace {

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

}  // namespace

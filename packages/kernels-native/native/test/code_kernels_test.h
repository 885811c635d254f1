// Kernels over 8-bit codes: every table against the scalar one, between guard pages, on rows of every length to 70 and
// some longer; the scalar one against its formula.
#pragma once
#include <vector>

#include "../include/octavo_code_kernels.h"
#include "check.h"

namespace code_kernels {

using check::Guarded;
using check::Random;

constexpr size_t kMaxRow = 1000;

struct Case {
  std::vector<uint8_t> a, b;
  octavo_to_codes to;
  float scale_a, scale_b;
  int32_t zero_a, zero_b;
};

template <class Body> void for_each_case(uint64_t seed, Body body) {
  Random random(seed);
  for (size_t i = 0; i <= 75; i++) {
    const size_t n = i <= 70 ? i : i == 71 ? 100 : i == 72 ? 128 : i == 73 ? 255 : i == 74 ? 768 : kMaxRow;
    for (size_t round = 0; round < 4; round++) {
      Case c;
      c.a.resize(n + 1), c.b.resize(n + 1);
      for (uint8_t& x : c.a) x = static_cast<uint8_t>(random.below(256));
      for (uint8_t& x : c.b) x = static_cast<uint8_t>(random.below(256));
      const bool ties = random.one_in(2), far = random.one_in(8);
      const auto scale = [&] { return ties ? ldexpf(1, static_cast<int>(random.below(9)) - 4) : far ? fabsf(check::any_float(random)) : random.uniform(0.01f, 2); };
      c.scale_a = scale(), c.scale_b = scale();
      c.zero_a = static_cast<int32_t>(random.below(256)), c.zero_b = static_cast<int32_t>(random.below(256));
      const int32_t zero = static_cast<int32_t>(random.below(256));
      c.to = {scale(), zero, random.one_in(3) ? zero : 0, 255, static_cast<uint8_t>(random.one_in(2) ? 0x80 : 0)};
      check::at("n %zu, flip %zu, zero %zu", n, c.to.flip, zero);
      body(c, n, random);
    }
  }
}

inline void expect_bytes(const uint8_t* actual, const std::vector<uint8_t>& expected, size_t n) {
  check::expect(n == 0 || memcmp(actual, expected.data(), n) == 0);
}

// Runs `call(table, pointers, out)` on the table and on the scalar one: out has n bytes.
template <class Call> void compare_codes(uint64_t seed, const octavo_kernels* table, const octavo_kernels* scalar, Call call) {
  Guarded left(kMaxRow), right(kMaxRow), to(kMaxRow);
  for_each_case(seed, [&](const Case& c, size_t n, Random& random) {
    std::vector<uint8_t> expected(n + 1);
    call(scalar->codes, c, c.a.data(), c.b.data(), expected.data(), n);
    const uint8_t* a = left.copy(c.a.data(), n, random);
    const uint8_t* b = right.copy(c.b.data(), n, random);
    uint8_t* out = to.fresh<uint8_t>(n, random);
    call(table->codes, c, a, b, out, n);
    expect_bytes(out, expected, n);
  });
}

inline int32_t code_of(float t, const octavo_to_codes& to) {
  const float steps = nearbyintf(t * to.multiplier);
  const double code = steps == steps ? double(steps) + to.zero : to.zero;
  return code < to.low ? to.low : code > to.high ? to.high : static_cast<int32_t>(code);
}

inline void test_look_up(const octavo_kernels* table, const octavo_kernels*) {
  Guarded tables(256), from(kMaxRow), to(kMaxRow);
  for_each_case(1, [&](const Case& c, size_t n, Random& random) {
    uint8_t entries[256];
    for (uint8_t& entry : entries) entry = static_cast<uint8_t>(random.below(256));
    const uint8_t* in = from.copy(c.a.data(), n, random);
    uint8_t* out = to.fresh<uint8_t>(n, random);
    table->codes->look_up(tables.copy(entries, 256, random), in, out, n);
    bool same = true;
    for (size_t i = 0; i < n; i++) same = same && out[i] == entries[c.a[i]];
    check::expect(same);
  });
}

inline void test_add_and_mul(const octavo_kernels* table, const octavo_kernels*) {
  Guarded left(kMaxRow), right(kMaxRow), to(kMaxRow);
  for_each_case(2, [&](const Case& c, size_t n, Random& random) {
    if (n == 0) return;
    const size_t a_step = random.below(2), b_step = random.below(2);
    const uint8_t* a = left.copy(c.a.data(), a_step ? n : 1, random);
    const uint8_t* b = right.copy(c.b.data(), b_step ? n : 1, random);
    for (const bool multiply : {false, true}) {
      uint8_t* out = to.fresh<uint8_t>(n, random);
      (multiply ? table->codes->mul : table->codes->add)({a, a_step, c.scale_a, c.zero_a}, {b, b_step, c.scale_b, c.zero_b}, &c.to, out, n);
      bool same = true;
      for (size_t i = 0; i < n; i++) {
        const float x = float((c.a[i * a_step] ^ c.to.flip) - c.zero_a), y = float((c.b[i * b_step] ^ c.to.flip) - c.zero_b);
        same = same && (out[i] ^ c.to.flip) == code_of(multiply ? x * y : x * c.scale_a + y * c.scale_b, c.to);
      }
      check::expect(same);
    }
  });
}

inline void test_max(const octavo_kernels* table, const octavo_kernels*) {
  Guarded from(kMaxRow), to(kMaxRow);
  for_each_case(3, [&](const Case& c, size_t n, Random& random) {
    uint8_t* out = to.copy(c.b.data(), n, random);
    table->codes->max(c.to.flip, from.copy(c.a.data(), n, random), out, n);
    bool same = true;
    for (size_t i = 0; i < n; i++) {
      const uint8_t a = c.a[i] ^ c.to.flip, b = c.b[i] ^ c.to.flip;
      same = same && (out[i] ^ c.to.flip) == (a > b ? a : b);
    }
    check::expect(same);
  });
}

inline void test_sums(const octavo_kernels* table, const octavo_kernels*) {
  Guarded from(kMaxRow), sums(kMaxRow * 4), to(kMaxRow);
  for_each_case(4, [&](const Case& c, size_t n, Random& random) {
    std::vector<int32_t> start(n + 1);
    for (int32_t& x : start) x = static_cast<int32_t>(random.next() % 2000000) - 1000000;
    int32_t* sum = sums.copy(start.data(), n, random);
    table->codes->add_to_sums(c.to.flip, from.copy(c.a.data(), n, random), sum, n);
    uint8_t* out = to.fresh<uint8_t>(n, random);
    table->codes->quantize_sums(sum, c.zero_a * 100, &c.to, out, n);
    bool same = true;
    for (size_t i = 0; i < n; i++) {
      const int32_t expected = start[i] + (c.a[i] ^ c.to.flip);
      same = same && sum[i] == expected && (out[i] ^ c.to.flip) == code_of(float(expected - c.zero_a * 100), c.to);
    }
    check::expect(same);
  });
}

inline void test_quantize(const octavo_kernels* table, const octavo_kernels*) {
  Guarded from(kMaxRow * 4), back(kMaxRow * 4), to(kMaxRow);
  for_each_case(5, [&](const Case& c, size_t n, Random& random) {
    std::vector<float> x(n + 1), expected(n + 1);
    for (float& value : x) value = random.one_in(2) ? check::any_float(random) : float(random.below(600)) * 0.5f - 150;
    uint8_t* out = to.fresh<uint8_t>(n, random);
    table->codes->quantize(from.copy(x.data(), n, random), &c.to, out, n);
    bool same = true;
    for (size_t i = 0; i < n; i++) {
      same = same && (out[i] ^ c.to.flip) == code_of(x[i], c.to);
      expected[i] = float((out[i] ^ c.to.flip) - c.zero_a) * c.scale_a;
    }
    check::expect(same);
    float* values = back.fresh<float>(n, random);
    table->codes->dequantize({out, 1, c.scale_a, c.zero_a}, c.to.flip, values, n);
    check::expect_floats("y", values, 0, expected.data(), 0, 1, n);
  });
}

inline void test_norms(const octavo_kernels* table, const octavo_kernels* scalar) {
  Guarded weights(kMaxRow * 4), biases(kMaxRow * 4);
  for (size_t step = 0; step < 2; step++) {
    Random values(77 + step);
    std::vector<float> weight(kMaxRow), bias(kMaxRow);
    for (float& w : weight) w = values.uniform(-2, 2);
    for (float& b : bias) b = values.wide();
    compare_codes(6 + step, table, scalar, [&](const octavo_code_kernels* codes, const Case& c, const uint8_t* a, const uint8_t*, uint8_t* out, size_t n) {
      const float* w = weights.copy(weight.data(), step ? n : 1, values);
      const float* b = biases.copy(bias.data(), step ? n : 1, values);
      codes->affine({a, 1, 1, c.zero_a}, w, b, step, &c.to, out, n);
    });
    compare_codes(8 + step, table, scalar, [&](const octavo_code_kernels* codes, const Case& c, const uint8_t* a, const uint8_t*, uint8_t* out, size_t n) {
      const float* w = weights.copy(weight.data(), step ? n : 1, values);
      const float* b = biases.copy(bias.data(), step ? n : 1, values);
      codes->normalize({a, 1, 1, c.zero_a}, c.scale_b, c.scale_a, w, b, step, &c.to, out, n);
    });
  }
}

inline void test_add_scaled(const octavo_kernels* table, const octavo_kernels*) {
  Guarded from(kMaxRow), sums(kMaxRow * 4), to(kMaxRow * 4);
  for_each_case(10, [&](const Case& c, size_t n, Random& random) {
    std::vector<float> start(n + 1), expected(n + 1);
    for (float& x : start) x = random.wide();
    const bool with_sums = random.one_in(2);
    for (size_t i = 0; i < n; i++) expected[i] = fmaf(float(c.a[i]), c.scale_a, with_sums ? start[i] + c.scale_b : c.scale_b);
    float* out = to.fresh<float>(n, random);
    const float* sum = sums.copy(start.data(), n, random);
    table->codes->add_scaled(from.copy(c.a.data(), n, random), c.scale_a, c.scale_b, with_sums ? sum : nullptr, out, n);
    check::expect_floats("y", out, 0, expected.data(), 0, 1, n);
  });
}

inline void test_interpolate(const octavo_kernels* table, const octavo_kernels* scalar) {
  compare_codes(11, table, scalar, [](const octavo_code_kernels* codes, const Case& c, const uint8_t* a, const uint8_t* b, uint8_t* out, size_t n) {
    const uint8_t* const p[4] = {a, b, b, a};
    const float w[2] = {c.scale_a, 1 - c.scale_a}, h[2] = {c.scale_b, 1 - c.scale_b};
    codes->interpolate(p, w, h, c.to.flip ? 128 : 0, &c.to, out, n);
  });
}

}  // namespace code_kernels

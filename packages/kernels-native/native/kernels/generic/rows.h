// Kernels over one contiguous row, written once over the 16 lanes of `Simd`. Included by one file of each
// instruction set, after its `simd/` header; the definitions are those of core's reference ops.
#pragma once
#include "../../include/octavo_kernels.h"
#include "../../simd/elementary.h"

namespace {

// Calls whole(i) for each full group of 16 and rest(i, count) for what remains.
template <class Whole, class Rest> inline void by_lanes(size_t n, Whole whole, Rest rest) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) whole(i);
  if (i < n) rest(i, n - i);
}

// Functions come as lambdas, never as pointers: those are not inlined, and registers then pass through memory.
template <class Fn> inline void map_row(const float* x, float* y, size_t n, Fn fn) {
  by_lanes(
      n, [&](size_t i) { Simd::store(y + i, fn(Simd::load(x + i))); },
      [&](size_t i, size_t count) { Simd::store_first(y + i, fn(Simd::load_first(x + i, count)), count); });
}

void unary_row(octavo_unary fn, const float* x, float* y, size_t n) {
  switch (fn) {
    case OCTAVO_UNARY_GELU: return map_row(x, y, n, [](Simd::F v) { return Elementary::gelu(v); });
    case OCTAVO_UNARY_RELU: return map_row(x, y, n, [](Simd::F v) { return Elementary::relu(v); });
    case OCTAVO_UNARY_TANH: return map_row(x, y, n, [](Simd::F v) { return Elementary::tanh(v); });
    case OCTAVO_UNARY_SIGMOID: return map_row(x, y, n, [](Simd::F v) { return Elementary::sigmoid(v); });
    case OCTAVO_UNARY_ERF: return map_row(x, y, n, [](Simd::F v) { return Elementary::erf(v); });
    case OCTAVO_UNARY_EXP: return map_row(x, y, n, [](Simd::F v) { return Elementary::exp(v); });
    case OCTAVO_UNARY_SQRT: return map_row(x, y, n, [](Simd::F v) { return Simd::sqrt(v); });
    case OCTAVO_UNARY_NEG: return map_row(x, y, n, [](Simd::F v) { return Simd::neg(v); });
    case OCTAVO_UNARY_SIN: return map_row(x, y, n, [](Simd::F v) { return Elementary::sin(v); });
    case OCTAVO_UNARY_COS: return map_row(x, y, n, [](Simd::F v) { return Elementary::cos(v); });
    case OCTAVO_UNARY_GELU_TANH: return map_row(x, y, n, [](Simd::F v) { return Elementary::gelu_tanh(v); });
    case OCTAVO_UNARY_COUNT: return;
  }
}

template <class Fn>
inline void zip_row(const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t n, Fn fn) {
  const auto whole = [](const float* p, size_t step, size_t i) { return step ? Simd::load(p + i) : Simd::set1(*p); };
  const auto part = [](const float* p, size_t step, size_t i, size_t count) {
    return step ? Simd::load_first(p + i, count) : Simd::set1(*p);
  };
  by_lanes(
      n, [&](size_t i) { Simd::store(y + i, fn(whole(a, a_step, i), whole(b, b_step, i))); },
      [&](size_t i, size_t count) {
        Simd::store_first(y + i, fn(part(a, a_step, i, count), part(b, b_step, i, count)), count);
      });
}

void binary_row(octavo_binary fn, const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t n) {
  switch (fn) {
    case OCTAVO_BINARY_ADD: return zip_row(a, a_step, b, b_step, y, n, [](Simd::F u, Simd::F v) { return Simd::add(u, v); });
    case OCTAVO_BINARY_SUB: return zip_row(a, a_step, b, b_step, y, n, [](Simd::F u, Simd::F v) { return Simd::sub(u, v); });
    case OCTAVO_BINARY_MUL: return zip_row(a, a_step, b, b_step, y, n, [](Simd::F u, Simd::F v) { return Simd::mul(u, v); });
    case OCTAVO_BINARY_DIV: return zip_row(a, a_step, b, b_step, y, n, [](Simd::F u, Simd::F v) { return Simd::div(u, v); });
  }
}

inline Simd::F clamp_lanes(Simd::F x, Simd::F low, Simd::F high) {
  return Simd::select(Simd::greater(low, x), low, Simd::select(Simd::greater(x, high), high, x));
}

void activation_row(octavo_activation_function fn, const float* parameters, const float* x, float* y, size_t n) {
  const Simd::F p0 = Simd::set1(parameters[0]), p1 = Simd::set1(parameters[1]);
  const Simd::F zero = Simd::zero(), one = Simd::set1(1.0f), three = Simd::set1(3.0f), six = Simd::set1(6.0f);
  switch (fn) {
    case OCTAVO_ACTIVATION_CLAMP: return map_row(x, y, n, [&](Simd::F v) { return clamp_lanes(v, p0, p1); });
    case OCTAVO_ACTIVATION_HARDSWISH:
      return map_row(x, y, n, [&](Simd::F v) { return Simd::div(Simd::mul(v, clamp_lanes(Simd::add(v, three), zero, six)), six); });
    case OCTAVO_ACTIVATION_HARDSIGMOID:
      return map_row(x, y, n, [&](Simd::F v) { return Simd::div(clamp_lanes(Simd::add(v, three), zero, six), six); });
    case OCTAVO_ACTIVATION_ELU:
      return map_row(x, y, n, [&](Simd::F v) {
        return Simd::select(Simd::greater(zero, v), Simd::mul(Simd::sub(Elementary::exp(Simd::mul(v, p1)), one), p0), v);
      });
    case OCTAVO_ACTIVATION_LEAKY_RELU:
      return map_row(x, y, n, [&](Simd::F v) { return Simd::select(Simd::greater(v, zero), v, Simd::mul(v, p0)); });
    case OCTAVO_ACTIVATION_SILU:
      return map_row(x, y, n, [&](Simd::F v) { return Simd::div(v, Simd::add(one, Elementary::exp(Simd::neg(v)))); });
    case OCTAVO_ACTIVATION_COUNT: return;
  }
}

void affine_row(const float* x, const float* alpha, const float* beta, size_t step, float* y, size_t n) {
  if (n == 0) return;
  const Simd::F a = Simd::set1(*alpha), b = Simd::set1(*beta);
  by_lanes(
      n,
      [&](size_t i) {
        Simd::store(y + i, Simd::fma(Simd::load(x + i), step ? Simd::load(alpha + i) : a, step ? Simd::load(beta + i) : b));
      },
      [&](size_t i, size_t count) {
        const Simd::F factor = step ? Simd::load_first(alpha + i, count) : a;
        const Simd::F shift = step ? Simd::load_first(beta + i, count) : b;
        Simd::store_first(y + i, Simd::fma(Simd::load_first(x + i, count), factor, shift), count);
      });
}

// e = exp(x - max), then e * (1 / lane sum of e), where x passes through `prepare` on first reading.
template <class Prepare> inline void softmax_with(float* x, size_t n, Prepare prepare) {
  Simd::F top = Simd::set1(-__builtin_inff());
  by_lanes(
      n,
      [&](size_t i) {
        const Simd::F value = prepare(Simd::load(x + i), i, 16);
        Simd::store(x + i, value);
        top = Simd::max(value, top);
      },
      [&](size_t i, size_t count) {
        const Simd::F value = prepare(Simd::load_first(x + i, count), i, count);
        Simd::store_first(x + i, value, count);
        top = Simd::max(Simd::select(Simd::first(count), value, top), top);
      });
  const Simd::F max = Simd::set1(Simd::fold_max(top));
  Simd::F lanes = Simd::zero();
  by_lanes(
      n,
      [&](size_t i) {
        const Simd::F e = Elementary::exp(Simd::sub(Simd::load(x + i), max));
        Simd::store(x + i, e);
        lanes = Simd::add(lanes, e);
      },
      [&](size_t i, size_t count) {
        const Simd::F e = Elementary::exp(Simd::sub(Simd::load_first(x + i, count), max));
        Simd::store_first(x + i, e, count);
        lanes = Simd::add(lanes, Simd::keep(Simd::first(count), e));
      });
  const Simd::F inverse = Simd::set1(1.0f / Simd::fold_add(lanes));
  map_row(x, x, n, [&](Simd::F e) { return Simd::mul(e, inverse); });
}

void softmax_row(float* x, size_t n, float scale, const float* mask, size_t mask_step) {
  const Simd::F s = Simd::set1(scale);
  if (mask == nullptr) {
    softmax_with(x, n, [&](Simd::F v, size_t, size_t) { return Simd::mul(v, s); });
  } else if (mask_step == 0) {
    const Simd::F m = Simd::set1(*mask);
    softmax_with(x, n, [&](Simd::F v, size_t, size_t) { return Simd::add(Simd::mul(v, s), m); });
  } else {
    softmax_with(x, n, [&](Simd::F v, size_t i, size_t count) {
      const Simd::F m = count == 16 ? Simd::load(mask + i) : Simd::load_first(mask + i, count);
      return Simd::add(Simd::mul(v, s), m);
    });
  }
}

void softmax_plain_row(float* x, size_t n) {
  softmax_with(x, n, [](Simd::F v, size_t, size_t) { return v; });
}

void layer_norm_row(const float* x, size_t n, const float* weight, const float* bias, float eps, float* y) {
  const float count = static_cast<float>(n);
  Simd::F lanes = Simd::zero();
  by_lanes(
      n, [&](size_t i) { lanes = Simd::add(lanes, Simd::load(x + i)); },
      [&](size_t i, size_t rest) { lanes = Simd::add(lanes, Simd::load_first(x + i, rest)); });
  const Simd::F mean = Simd::set1(Simd::fold_add(lanes) / count);
  Simd::F squares = Simd::zero();
  by_lanes(
      n,
      [&](size_t i) {
        const Simd::F d = Simd::sub(Simd::load(x + i), mean);
        squares = Simd::fma(d, d, squares);
      },
      [&](size_t i, size_t rest) {
        const Simd::F d = Simd::keep(Simd::first(rest), Simd::sub(Simd::load_first(x + i, rest), mean));
        squares = Simd::fma(d, d, squares);
      });
  const float variance = Simd::fold_add(squares) / count;
  const float deviation = __builtin_sqrtf(variance + eps);
  const Simd::F inverse = Simd::set1(1.0f / deviation);
  const auto apply = [&](Simd::F v, Simd::F w, Simd::F b) {
    return Simd::fma(Simd::mul(Simd::sub(v, mean), inverse), w, b);
  };
  const Simd::F one = Simd::set1(1.0f);
  by_lanes(
      n,
      [&](size_t i) {
        const Simd::F w = weight ? Simd::load(weight + i) : one;
        const Simd::F b = bias ? Simd::load(bias + i) : Simd::zero();
        Simd::store(y + i, apply(Simd::load(x + i), w, b));
      },
      [&](size_t i, size_t rest) {
        const Simd::F w = weight ? Simd::load_first(weight + i, rest) : one;
        const Simd::F b = bias ? Simd::load_first(bias + i, rest) : Simd::zero();
        Simd::store_first(y + i, apply(Simd::load_first(x + i, rest), w, b), rest);
      });
}

void finite_range_row(const float* x, size_t n, float* min, float* max) {
  Simd::F low = Simd::zero();
  Simd::F high = Simd::zero();
  const auto take = [&](Simd::F v) {
    const Simd::F value = Simd::keep(Simd::finite(v), v);
    low = Simd::min(value, low);
    high = Simd::max(value, high);
  };
  by_lanes(
      n, [&](size_t i) { take(Simd::load(x + i)); },
      [&](size_t i, size_t count) { take(Simd::load_first(x + i, count)); });
  *min = Simd::fold_min(low);
  *max = Simd::fold_max(high);
}

void quantize_fma_row(const float* x, size_t n, float inverse, float zero, uint8_t* codes) {
  const Simd::F inv = Simd::set1(inverse);
  const Simd::F zp = Simd::set1(zero);
  const Simd::F top = Simd::set1(255.0f);
  const auto quantize = [&](Simd::F v) {
    const Simd::F t = Simd::fma(v, inv, zp);
    const Simd::F number = Simd::select(Simd::ordered(t), t, zp);
    return Simd::to_int(Simd::rint(Simd::min(top, Simd::max(Simd::zero(), number))));
  };
  by_lanes(
      n, [&](size_t i) { Simd::store_u8(codes + i, quantize(Simd::load(x + i))); },
      [&](size_t i, size_t count) {
        uint8_t tail[16];
        Simd::store_u8(tail, quantize(Simd::load_first(x + i, count)));
        for (size_t j = 0; j < count; j++) codes[i + j] = tail[j];
      });
}

}  // namespace

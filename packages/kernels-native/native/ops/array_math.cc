// Element-wise ops of tensors of any dtype: functions of one, comparisons, logic and arithmetic of integers.
#include <math.h>

#include <type_traits>

#include "layout.h"
#include "logarithm.h"
#include "ops.h"
#include "power.h"

namespace octavo {
namespace {

Status wrong_dtype(const Call& call) {
  return fail(Code::InvalidDtype, "[%s] has no form for dtype code %d", call.op, int(call.inputs[0].dtype));
}

// y[i] = fn(x[i]); T is the type of the elements.
template <class T, class Fn> Status map_elements(Call& call, Fn fn) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  for_row_chunks(call, x.size(), 4, [&](size_t first, size_t last) {
    const T* from = x.as<T>();
    T* to = y.as<T>();
    for (size_t i = first; i < last; i++) to[i] = T(fn(from[i]));
  });
  return {};
}

Status expect_unary(const Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], call.inputs[0].dtype));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], call.inputs[0].dtype));
  return expect_same_dims(call, "y", call.outputs[0], call.inputs[0]);
}

template <class Fn> Status map_floats(Call& call, Fn fn) {
  OCTAVO_TRY(expect_unary(call));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  return map_elements<float>(call, fn);
}

// Fn is given floats, integers of up to 32 bits as int32, and int64; what it returns is cut to the dtype.
template <class Fn> Status map_numbers(Call& call, Fn fn) {
  OCTAVO_TRY(expect_unary(call));
  const auto widened = [&](auto x) { return fn(int64_t(x)); };
  switch (call.inputs[0].dtype) {
    case DType::Float32: return map_elements<float>(call, fn);
    case DType::Int8: return map_elements<int8_t>(call, widened);
    case DType::Uint8: return map_elements<uint8_t>(call, widened);
    case DType::Int32: return map_elements<int32_t>(call, widened);
    case DType::Int64: return map_elements<int64_t>(call, fn);
    default: return wrong_dtype(call);
  }
}

template <class T, class R, class Fn> Status zip_elements(Call& call, Fn fn) {
  const View &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  const bool fits = for_broadcast_rows(call, a, b, y, [&](size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t at, size_t n) {
    const T *left = a.as<T>() + a_at, *right = b.as<T>() + b_at;
    R* to = y.as<R>() + at;
    if (a_step == 1 && b_step == 1) {
      for (size_t i = 0; i < n; i++) to[i] = R(fn(left[i], right[i]));
    } else {
      for (size_t i = 0; i < n; i++) to[i] = R(fn(left[i * a_step], right[i * b_step]));
    }
  });
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to y", call.op);
}

// Integers of any dtype as int64, and back: operations of two are compiled for int64 alone, with these around them. Ten
// times the code would save a pass over a block in L1.
constexpr size_t kBlock = 256;

template <class T> void widen(const uint8_t* data, size_t at, size_t step, size_t n, int64_t* to) {
  const T* from = reinterpret_cast<const T*>(data) + at;
  for (size_t i = 0; i < n; i++) to[i] = from[i * step];
}
template <class T> void narrow(const int64_t* from, size_t at, size_t n, uint8_t* data) {
  T* to = reinterpret_cast<T*>(data) + at;
  for (size_t i = 0; i < n; i++) to[i] = T(from[i]);
}

struct IntegerForm {
  void (*widen)(const uint8_t* data, size_t at, size_t step, size_t n, int64_t* to);
  void (*narrow)(const int64_t* from, size_t at, size_t n, uint8_t* data);
};
template <class T> constexpr IntegerForm kForm = {widen<T>, narrow<T>};

// Null for a dtype that is none of integers, nor bool.
const IntegerForm* integer_form(DType dtype) {
  switch (dtype) {
    case DType::Int8: return &kForm<int8_t>;
    case DType::Uint8:
    case DType::Bool: return &kForm<uint8_t>;
    case DType::Int32: return &kForm<int32_t>;
    case DType::Int64: return &kForm<int64_t>;
    default: return nullptr;
  }
}

// y[i] = fn(a[i], b[i]) in int64, cut to y's dtype.
template <class Fn> Status zip_integers(Call& call, Fn fn) {
  const View &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  const IntegerForm *from = integer_form(a.dtype), *to = integer_form(y.dtype);
  const bool fits = for_broadcast_rows(call, a, b, y, [&](size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t at, size_t n) {
    int64_t left[kBlock], right[kBlock];
    for (size_t done = 0; done < n; done += kBlock) {
      const size_t count = n - done < kBlock ? n - done : kBlock;
      from->widen(a.data, a_at + done * a_step, a_step, count, left);
      from->widen(b.data, b_at + done * b_step, b_step, count, right);
      for (size_t i = 0; i < count; i++) left[i] = int64_t(fn(left[i], right[i]));
      to->narrow(left, at + done, count, y.data);
    }
  });
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to y", call.op);
}

Status expect_binary(const Call& call, DType result) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  OCTAVO_TRY(expect_tensor(call, "a", call.inputs[0], call.inputs[0].dtype));
  OCTAVO_TRY(expect_tensor(call, "b", call.inputs[1], call.inputs[0].dtype));
  return expect_tensor(call, "y", call.outputs[0], result);
}

template <bool WithBool, class Fn> Status compare(Call& call, Fn fn) {
  OCTAVO_TRY(expect_binary(call, DType::Bool));
  const DType dtype = call.inputs[0].dtype;
  if (dtype == DType::Float32) return zip_elements<float, uint8_t>(call, fn);
  return integer_form(dtype) && (WithBool || dtype != DType::Bool) ? zip_integers(call, fn) : wrong_dtype(call);
}

template <class Fn> Status combine_bools(Call& call, Fn fn) {
  OCTAVO_TRY(expect_binary(call, DType::Bool));
  OCTAVO_TRY(expect_tensor(call, "a", call.inputs[0], DType::Bool));
  return zip_elements<uint8_t, uint8_t>(call, [&](uint8_t a, uint8_t b) { return fn(a != 0, b != 0); });
}

// Arithmetic that wraps: in unsigned 64 bits, cut to the dtype.
template <class Fn> Status combine_integers(Call& call, Fn fn) {
  const DType dtype = call.inputs[0].dtype;
  OCTAVO_TRY(expect_binary(call, dtype));
  return integer_form(dtype) && dtype != DType::Bool ? zip_integers(call, fn) : wrong_dtype(call);
}

template <class Fn> Status choose(Call& call, Fn fn) {
  OCTAVO_TRY(expect_binary(call, call.inputs[0].dtype));
  if (call.inputs[0].dtype == DType::Float32) return zip_elements<float, float>(call, fn);
  return combine_integers(call, fn);
}

// Formulas of their own for floats and for integers.
template <class Floats, class Integers> Status combine(Call& call, Floats floats, Integers integers) {
  OCTAVO_TRY(expect_binary(call, call.inputs[0].dtype));
  if (call.inputs[0].dtype == DType::Float32) return zip_elements<float, float>(call, floats);
  return combine_integers(call, integers);
}

uint64_t bits_of(int64_t x) { return uint64_t(x); }

// The rest of a division that truncates; 0 for a divisor of 0.
int64_t rest_of(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

}  // namespace

Status absolute(Call& call) {
  return map_numbers(call, [](auto x) {
    if constexpr (std::is_same_v<decltype(x), float>) return fabsf(x);
    else return x < 0 ? int64_t(0 - bits_of(x)) : x;
  });
}
Status floor(Call& call) { return map_floats(call, [](float x) { return floorf(x); }); }
Status ceil(Call& call) { return map_floats(call, [](float x) { return ceilf(x); }); }
Status round(Call& call) { return map_floats(call, [](float x) { return nearbyintf(x); }); }
Status sign(Call& call) {
  // A zero, of either sign, and NaN stay what they are.
  return map_numbers(call, [](auto x) { return x > 0 ? decltype(x)(1) : x < 0 ? decltype(x)(-1) : x; });
}
Status reciprocal(Call& call) { return map_floats(call, [](float x) { return 1.0f / x; }); }
Status logarithm(Call& call) { return map_floats(call, natural_log); }
Status logical_not(Call& call) {
  OCTAVO_TRY(expect_unary(call));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Bool));
  return map_elements<uint8_t>(call, [](uint8_t x) { return x == 0; });
}

Status equal(Call& call) { return compare<true>(call, [](auto a, auto b) { return a == b; }); }
Status less(Call& call) { return compare<false>(call, [](auto a, auto b) { return a < b; }); }
Status less_or_equal(Call& call) { return compare<false>(call, [](auto a, auto b) { return a <= b; }); }
Status logical_and(Call& call) { return combine_bools(call, [](bool a, bool b) { return a && b; }); }
Status logical_or(Call& call) { return combine_bools(call, [](bool a, bool b) { return a || b; }); }
Status logical_xor(Call& call) { return combine_bools(call, [](bool a, bool b) { return a != b; }); }

// A NaN on either side passes on.
Status minimum(Call& call) { return choose(call, [](auto a, auto b) { return a < b || !(a == a) ? a : b; }); }
Status maximum(Call& call) { return choose(call, [](auto a, auto b) { return a > b || !(a == a) ? a : b; }); }

Status add_integers(Call& call) { return combine_integers(call, [](auto a, auto b) { return bits_of(a) + bits_of(b); }); }
Status sub_integers(Call& call) { return combine_integers(call, [](auto a, auto b) { return bits_of(a) - bits_of(b); }); }
Status mul_integers(Call& call) { return combine_integers(call, [](auto a, auto b) { return bits_of(a) * bits_of(b); }); }
// Truncates toward zero, 0 for a divisor of 0; dividing the least number by -1 wraps.
Status div_integers(Call& call) {
  return combine_integers(call, [](auto a, auto b) {
    return b == 0 ? uint64_t(0) : int64_t(b) == -1 ? 0 - bits_of(a) : bits_of(int64_t(a) / int64_t(b));
  });
}

// The sign of the dividend; a remainder of floats is exact.
Status fmod(Call& call) {
  return combine(call, [](float a, float b) { return fmodf(a, b); }, [](auto a, auto b) { return rest_of(a, b); });
}
// The sign of the divisor.
Status remainder(Call& call) {
  const auto floats = [](float a, float b) {
    const float rest = fmodf(a, b);
    return rest == 0 || (rest < 0) == (b < 0) ? rest : rest + b;
  };
  return combine(call, floats, [](auto a, auto b) {
    const int64_t rest = rest_of(a, b);
    return rest == 0 || (rest < 0) == (b < 0) ? rest : rest + int64_t(b);
  });
}
Status power(Call& call) {
  return combine(call, float_power, [](auto a, auto b) { return integer_power(a, b); });
}

}  // namespace octavo

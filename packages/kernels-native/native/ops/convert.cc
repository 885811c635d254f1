#include <math.h>
#include <string.h>

#include <limits>

#include "../runtime/half.h"
#include "ops.h"

namespace octavo {
namespace {

// float to integer: toward zero, saturating, NaN to 0.
template <class T> T truncate(float value) {
  if (value != value) return 0;
  if (double(value) <= double(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (double(value) >= double(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return T(value);
}

struct Bool { uint8_t value; };
struct Half { uint16_t bits; };

template <class From> float to_float(From x) { return float(x); }
template <> float to_float(Bool x) { return float(x.value != 0); }

template <class From, class To> struct Cast {
  static To cast(From x) { return To(x); }  // integers wrap, as PyTorch's
};
template <class From> struct Cast<From, float> { static float cast(From x) { return to_float(x); } };
template <class From> struct Cast<From, Half> { static Half cast(From x) { return {half_of_float(to_float(x))}; } };
template <class From> struct Cast<From, Bool> { static Bool cast(From x) { return {uint8_t(x != 0)}; } };
template <class To> struct Cast<float, To> { static To cast(float x) { return truncate<To>(x); } };
template <class To> struct Cast<Half, To> { static To cast(Half x) { return truncate<To>(float_of_half(x.bits)); } };
template <class To> struct Cast<Bool, To> { static To cast(Bool x) { return To(x.value != 0); } };
template <> struct Cast<float, float> { static float cast(float x) { return x; } };
template <> struct Cast<float, Half> { static Half cast(float x) { return {half_of_float(x)}; } };
template <> struct Cast<float, Bool> { static Bool cast(float x) { return {uint8_t(x != 0)}; } };
template <> struct Cast<Half, float> { static float cast(Half x) { return float_of_half(x.bits); } };
template <> struct Cast<Half, Half> { static Half cast(Half x) { return x; } };
template <> struct Cast<Half, Bool> { static Bool cast(Half x) { return {uint8_t((x.bits & 0x7fff) != 0)}; } };
template <> struct Cast<Bool, float> { static float cast(Bool x) { return to_float(x); } };
template <> struct Cast<Bool, Half> { static Half cast(Bool x) { return {half_of_float(to_float(x))}; } };
template <> struct Cast<Bool, Bool> { static Bool cast(Bool x) { return {uint8_t(x.value != 0)}; } };

template <class From, class To> void convert_all(const Call& call) {
  const From* x = call.inputs[0].as<From>();
  To* y = call.outputs[0].as<To>();
  for_row_chunks(call, call.inputs[0].size(), 1, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; i++) y[i] = Cast<From, To>::cast(x[i]);
  });
}

using Convert = void (*)(const Call&);
template <class From> Convert converter(DType to) {
  static const Convert table[] = {convert_all<From, float>,   convert_all<From, Half>,    convert_all<From, int8_t>, convert_all<From, uint8_t>,
                                  convert_all<From, int32_t>, convert_all<From, int64_t>, convert_all<From, Bool>};
  return table[int(to)];
}

}  // namespace

// Element-wise conversion; the output's dtype is the attribute.
Status convert(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], call.inputs[0].dtype));
  const int64_t wanted = call.attr_int(0);
  if (wanted < 0 || wanted >= int64_t(DType::Count)) return fail(Code::InvalidDtype, "[%s] unknown dtype code", call.op);
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType(wanted)));
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], call.inputs[0].size()));
  static Convert (*const by_source[])(DType) = {converter<float>,   converter<Half>,    converter<int8_t>, converter<uint8_t>,
                                                converter<int32_t>, converter<int64_t>, converter<Bool>};
  by_source[int(call.inputs[0].dtype)](DType(wanted))(call);
  return {};
}

}  // namespace octavo

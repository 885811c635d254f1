// Arguments from JavaScript, checked: every function throws an OctavoError-shaped error instead of trusting a caller.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "../runtime/call.h"

namespace octavo {

// A JavaScript error whose `octavoCode` names the OctavoError code.
Napi::Error error_of(Napi::Env env, const Status& status);
[[noreturn]] void throw_status(Napi::Env env, const Status& status);
inline void check(Napi::Env env, const Status& status) {
  if (!status.ok()) throw_status(env, status);
}

// A non-negative integer argument.
size_t size_argument(const Napi::Value& value, const char* name);

// The elements of a typed array of exactly this type.
template <class T> struct Elements {
  T* data;
  size_t count;
};
Elements<float> float_elements(const Napi::Value& value, const char* name);
Elements<double> double_elements(const Napi::Value& value, const char* name);
Elements<int8_t> int8_elements(const Napi::Value& value, const char* name);
Elements<uint8_t> uint8_elements(const Napi::Value& value, const char* name);
Elements<int32_t> int32_elements(const Napi::Value& value, const char* name);

// The memory of a typed array of any type, and its bytes; a count that no array has for anything else.
Elements<uint8_t> bytes_of(const Napi::Value& value);

// An operand: null, a handle of packed weights, or [dtype code, dims, typed array, channels-last]
// whose sizes agree.
View view_argument(const Napi::Value& value);

// What JavaScript laid out as numbers one behind the other: one typed array costs a call far less than many small ones.
struct CallNumbers {
  Napi::Env env;
  const double *at, *end;
  size_t next(const char* name);
  // A count and as many numbers.
  Elements<const double> list(const char* name);
};

// An operand of which numbers say dtype code + 1, channels-last (0 or 1), rank and dims, and `data` holds the elements; or
// 0, for packed weights or null.
View view_argument(CallNumbers* numbers, const Napi::Value& data);

// Packed weights as a handle that garbage collection frees, and whose bytes V8 knows of. memory: the typed array that panels
// lie in, which the handle keeps; empty where they have memory of their own.
Napi::Value packed_handle(Napi::Env env, std::shared_ptr<PackedWeight> packed, Napi::Object memory = {});
std::shared_ptr<PackedWeight> packed_argument(const Napi::Value& value);

}  // namespace octavo

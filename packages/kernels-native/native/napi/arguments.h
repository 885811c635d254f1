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

// An operand: null, a handle of packed weights, or [dtype code, dims, typed array, channels-last]
// whose sizes agree.
View view_argument(const Napi::Value& value);

// Packed weights as a handle that garbage collection frees, and whose bytes V8 knows of.
Napi::Value packed_handle(Napi::Env env, std::shared_ptr<PackedWeight> packed);
std::shared_ptr<PackedWeight> packed_argument(const Napi::Value& value);

}  // namespace octavo

#include "arguments.h"

namespace octavo {
namespace {

const char* code_name(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "INVALID_ARGUMENT";
    case Code::InvalidShape: return "INVALID_SHAPE";
    case Code::InvalidDtype: return "INVALID_DTYPE";
    case Code::InvalidData: return "INVALID_DATA";
    case Code::Aborted: return "ABORTED";
    case Code::Unsupported: return "UNSUPPORTED";
    default: return "NATIVE_FAILED";
  }
}

[[noreturn]] void refuse(Napi::Env env, const char* format, const char* name) { throw_status(env, fail(Code::InvalidArgument, format, name)); }

size_t size_of(Napi::Env env, double number, const char* name) {
  if (!(number >= 0) || number > 9007199254740991.0 || number != double(size_t(number))) refuse(env, "%s must be a non-negative integer", name);
  return size_t(number);
}

size_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: case napi_uint8_array: case napi_uint8_clamped_array: return 1;
    case napi_int16_array: case napi_uint16_array: return 2;
    case napi_int32_array: case napi_uint32_array: case napi_float32_array: return 4;
    default: return 8;
  }
}

// Points a view at the elements of a typed array, which its dtype and dims must fit.
void set_data(Napi::Env env, View* view, const Napi::Value& value) {
  size_t size = 1, length = 0;
  for (int i = 0; i < view->rank; i++) {
    if (__builtin_mul_overflow(size, size_t(view->dims[i]), &size)) refuse(env, "%s has too many elements", "an operand");
  }
  if (view->channels_last && !has_channels(view->rank)) refuse(env, "%s is channels-last without a rank of 3 to 5", "an operand");
  napi_typedarray_type type;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    refuse(env, "%s has a bad dtype, dims or data", "an operand");
  }
  if (length != size || element_bytes(type) != dtype_bytes(view->dtype)) {
    refuse(env, "%s has data that does not fit its dtype and dims (is its buffer detached?)", "an operand");
  }
  view->data = static_cast<uint8_t*>(data);
}

const napi_type_tag kPackedTag = {0x6f637461766f5041, 0x434b454457454947};

template <class T> Elements<T> elements(const Napi::Value& value, const char* name, napi_typedarray_type expected) {
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  // One call for all of it: each costs a small op a tenth of its time.
  if (napi_get_typedarray_info(value.Env(), value, &type, &count, &data, nullptr, nullptr) != napi_ok || type != expected) {
    refuse(value.Env(), "%s must be a typed array of its dtype", name);
  }
  return {static_cast<T*>(data), count};
}

}  // namespace

Napi::Error error_of(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message);
  error.Value().Set("octavoCode", code_name(status.code));
  return error;
}

void throw_status(Napi::Env env, const Status& status) { throw error_of(env, status); }

size_t size_argument(const Napi::Value& value, const char* name) {
  return size_of(value.Env(), value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1, name);
}

Elements<float> float_elements(const Napi::Value& value, const char* name) { return elements<float>(value, name, napi_float32_array); }
Elements<double> double_elements(const Napi::Value& value, const char* name) { return elements<double>(value, name, napi_float64_array); }
Elements<int8_t> int8_elements(const Napi::Value& value, const char* name) { return elements<int8_t>(value, name, napi_int8_array); }
Elements<uint8_t> uint8_elements(const Napi::Value& value, const char* name) { return elements<uint8_t>(value, name, napi_uint8_array); }
Elements<int32_t> int32_elements(const Napi::Value& value, const char* name) { return elements<int32_t>(value, name, napi_int32_array); }

Elements<uint8_t> bytes_of(const Napi::Value& value) {
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, &count, &data, nullptr, nullptr) != napi_ok) return {nullptr, SIZE_MAX};
  return {static_cast<uint8_t*>(data), count * element_bytes(type)};
}

View view_argument(const Napi::Value& value) {
  View view;
  if (value.IsNull() || value.IsUndefined()) return view;
  const Napi::Env env = value.Env();
  if (value.IsExternal()) {
    view.present = true;
    view.packed = packed_argument(value);
    return view;
  }
  if (!value.IsArray() || value.As<Napi::Array>().Length() != 4) refuse(env, "%s must be null, packed weights or [dtype, dims, data, channelsLast]", "an operand");
  const Napi::Array parts = value.As<Napi::Array>();
  const size_t code = size_argument(parts.Get(uint32_t(0)), "an operand's dtype");
  const Napi::Value dims_value = parts.Get(uint32_t(1));
  const Napi::Value data_value = parts.Get(uint32_t(2));
  if (code >= size_t(DType::Count) || !dims_value.IsArray() || !data_value.IsTypedArray()) refuse(env, "%s has a bad dtype, dims or data", "an operand");
  const Napi::Array dims = dims_value.As<Napi::Array>();
  if (dims.Length() > kMaxRank) refuse(env, "%s has more than 8 dimensions", "an operand");
  view.present = true;
  view.dtype = static_cast<DType>(code);
  view.rank = int(dims.Length());
  for (int i = 0; i < view.rank; i++) view.dims[i] = int64_t(size_argument(dims.Get(uint32_t(i)), "a dimension"));
  const Napi::Value channels_last = parts.Get(uint32_t(3));
  if (!channels_last.IsBoolean()) refuse(env, "%s must say whether it is channels-last", "an operand");
  view.channels_last = channels_last.As<Napi::Boolean>().Value();
  set_data(env, &view, data_value);
  return view;
}

size_t CallNumbers::next(const char* name) { return size_of(env, at == end ? -1 : *at++, name); }

Elements<const double> CallNumbers::list(const char* name) {
  const size_t count = next(name);
  if (count > size_t(end - at)) refuse(env, "%s are fewer than their count", name);
  at += count;
  return {at - count, count};
}

View view_argument(CallNumbers* numbers, const Napi::Value& data) {
  const Napi::Env env = numbers->env;
  const size_t code = numbers->next("an operand's dtype");
  View view;
  if (code == 0) {
    view.present = !data.IsNull() && !data.IsUndefined();
    if (view.present) view.packed = packed_argument(data);
    return view;
  }
  view.present = true;
  const size_t channels_last = numbers->next("an operand's order"), rank = numbers->next("an operand's rank");
  if (code > size_t(DType::Count) || channels_last > 1) refuse(env, "%s has a bad dtype, dims or data", "an operand");
  if (rank > kMaxRank) refuse(env, "%s has more than 8 dimensions", "an operand");
  view.dtype = static_cast<DType>(code - 1), view.channels_last = channels_last == 1, view.rank = int(rank);
  for (int i = 0; i < view.rank; i++) view.dims[i] = int64_t(numbers->next("a dimension"));
  set_data(env, &view, data);
  return view;
}

namespace {

struct Handle {
  std::shared_ptr<PackedWeight> packed;
  Napi::ObjectReference memory;
};

}  // namespace

Napi::Value packed_handle(Napi::Env env, std::shared_ptr<PackedWeight> packed, Napi::Object memory) {
  const int64_t bytes = int64_t(packed->own_bytes());
  auto* holder = new Handle{std::move(packed), {}};
  if (!memory.IsEmpty()) holder->memory = Napi::Persistent(memory);
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
  Napi::External<Handle> handle = Napi::External<Handle>::New(env, holder, [bytes](Napi::BasicEnv finalizing, Handle* data) {
    Napi::MemoryManagement::AdjustExternalMemory(finalizing, -bytes);
    delete data;
  });
  handle.TypeTag(&kPackedTag);
  return handle;
}

std::shared_ptr<PackedWeight> packed_argument(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kPackedTag)) {
    refuse(value.Env(), "%s must be a handle of packed weights", "an operand");
  }
  return value.As<Napi::External<Handle>>().Data()->packed;
}

}  // namespace octavo

#include "quantized.h"

namespace octavo {

Status expect_codes(const Call& call, const char* name, const View& view) {
  return expect_tensor(call, name, view, view.dtype == DType::Int8 ? DType::Int8 : DType::Uint8);
}

Status expect_codes_to_codes(const Call& call, size_t min_inputs, size_t max_inputs) {
  OCTAVO_TRY(expect_operands(call, min_inputs, max_inputs, 1));
  OCTAVO_TRY(expect_codes(call, "x", call.inputs[0]));
  return expect_tensor(call, "y", call.outputs[0], call.inputs[0].dtype);
}

Status list_attr(const Call& call, const char* name, size_t* at, AttrList* list) {
  const int64_t count = call.attr_int(*at);
  if (count < 0 || count > 8 || *at + 1 + size_t(count) > call.attr_count) {
    return fail(Code::InvalidArgument, "[%s] %s must be a list of at most 8 numbers", call.op, name);
  }
  list->count = size_t(count);
  for (size_t i = 0; i < list->count; i++) list->values[i] = call.attr_int(*at + 1 + i);
  *at += 1 + list->count;
  return {};
}

}  // namespace octavo

#include <string.h>

#include "../runtime/transpose.h"
#include "layout.h"
#include "ops.h"

namespace octavo {
namespace {

// Every item of the batch is a matrix [rows][columns] that is transposed, in pieces that threads share.
template <class T> void transpose_items(const Call& call, const T* x, T* y, size_t batch, size_t rows, size_t columns) {
  constexpr size_t kPiece = 64;
  const size_t pieces = (columns + kPiece - 1) / kPiece;
  for_row_chunks(call, batch * pieces, rows * kPiece, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
      const size_t item = i / pieces * rows * columns, column = i % pieces * kPiece;
      transpose(x + item + column, columns, rows, columns - column < kPiece ? columns - column : kPiece, y + item + column * rows, rows);
    }
  });
}

}  // namespace

// x -> y of the same dims and dtype in the order that y has.
Status to_layout(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, x.dtype));
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  if (x.size() == 0) return {};
  if (x.channels_last == y.channels_last) {
    memcpy(y.data, x.data, x.bytes());
    return {};
  }
  const size_t batch = x.dim(0), channels = x.dim(1), spatial = x.size() / batch / channels;
  const size_t rows = x.channels_last ? spatial : channels, columns = x.channels_last ? channels : spatial;
  switch (dtype_bytes(x.dtype)) {
    case 1: transpose_items(call, x.as<uint8_t>(), y.as<uint8_t>(), batch, rows, columns); return {};
    case 4: transpose_items(call, x.floats(), y.floats(), batch, rows, columns); return {};
    default: return fail(Code::Unsupported, "[%s] elements of 1 or 4 bytes only", call.op);
  }
}

}  // namespace octavo

// Ranges and codes of rows at run time: what dynamic linears and recurrent layers share.
#pragma once
#include "../runtime/call.h"
#include "../runtime/choose_qparams.h"

namespace octavo {

enum DynamicScheme { kPerTensor = 0, kPerRow = 1, kOnnx = 2 };

inline QParams dynamic_qparams(float min, float max, int64_t scheme, bool reduce_range) {
  return scheme == kOnnx ? onnx_qparams(min, max) : choose_qparams(min, max, reduce_range);
}

// Fills scales and zero points of all rows from their ranges.
void dynamic_ranges(const Call& call, const float* x, size_t rows, size_t columns, int64_t scheme, bool reduce_range, float* scales,
                    int32_t* zeros);

// Codes of one row by its scale and zero point.
void quantize_row(const octavo_kernels* kernels, int64_t scheme, const float* x, size_t columns, float scale, int32_t zero, uint8_t* codes);

// Sums of the codes of each row, which asymmetric weights want.
void row_sums(const uint8_t* codes, size_t rows, size_t k, int32_t* sums);

}  // namespace octavo

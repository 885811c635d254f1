#include "pack.h"

#include <string.h>

#include <new>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace octavo {
namespace {

// 16 rows of B^T that are contiguous in k, turned into [k][16]. Four by four through registers.
void transpose_panel(const float* b, size_t n_step, size_t k, float* out) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 4 <= k; i += 4) {
    for (size_t j = 0; j < OCTAVO_PANEL; j += 4) {
      const float* from = b + j * n_step + i;
      __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + n_step);
      __m128 r2 = _mm_loadu_ps(from + 2 * n_step), r3 = _mm_loadu_ps(from + 3 * n_step);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      float* to = out + i * OCTAVO_PANEL + j;
      _mm_storeu_ps(to, r0);
      _mm_storeu_ps(to + OCTAVO_PANEL, r1);
      _mm_storeu_ps(to + 2 * OCTAVO_PANEL, r2);
      _mm_storeu_ps(to + 3 * OCTAVO_PANEL, r3);
    }
  }
#endif
  for (; i < k; i++) {
    for (size_t j = 0; j < OCTAVO_PANEL; j++) out[i * OCTAVO_PANEL + j] = b[j * n_step + i];
  }
}

size_t round_up(size_t x, size_t multiple) { return (x + multiple - 1) / multiple * multiple; }

}  // namespace

void pack_f32(const float* b, MatrixSteps steps, size_t n, size_t k, float* out) {
  for (size_t p = 0; p < panel_count(n); p++, out += k * OCTAVO_PANEL) {
    const size_t first = p * OCTAVO_PANEL;
    const size_t columns = n - first < OCTAVO_PANEL ? n - first : OCTAVO_PANEL;
    const float* from = b + first * steps.n_step;
    if (columns == OCTAVO_PANEL && steps.k_step == 1) {
      transpose_panel(from, steps.n_step, k, out);
    } else if (columns == OCTAVO_PANEL && steps.n_step == 1) {
      for (size_t i = 0; i < k; i++) memcpy(out + i * OCTAVO_PANEL, from + i * steps.k_step, OCTAVO_PANEL * sizeof(float));
    } else {
      for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < OCTAVO_PANEL; j++) {
          out[i * OCTAVO_PANEL + j] = j < columns ? from[j * steps.n_step + i * steps.k_step] : 0.0f;
        }
      }
    }
  }
}

Status pack_linear_f32(const float* weight, size_t n, size_t k, std::shared_ptr<PackedWeight>* out) {
  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  if (!packed || !packed->panels.reserve(f32_panel_floats(n, k) * sizeof(float))) {
    return fail(Code::OutOfMemory, "no memory to pack a float weight [%zu, %zu]", n, k);
  }
  packed->kind = PackedWeight::kFloat;
  packed->n = n, packed->k = k, packed->panel_stride = k * OCTAVO_PANEL;
  pack_f32(weight, {1, k}, n, k, packed->panels.as<float>());
  *out = std::move(packed);
  return {};
}

Status pack_linear_s8(const octavo_kernels* kernels, const int8_t* weight, size_t n, size_t k, const float* scales,
                      const int32_t* zeros, size_t channels, const float* bias, std::shared_ptr<PackedWeight>* out) {
  const size_t padded_n = panel_count(n) * OCTAVO_PANEL;
  const size_t padded_k = round_up(k, kernels->u8s8_k_multiple);
  const size_t group = kernels->u8s8_group;
  bool asymmetric = false;
  for (size_t i = 0; i < channels; i++) asymmetric = asymmetric || zeros[i] != 0;
  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  if (!packed || !packed->panels.reserve(padded_n * padded_k) || !packed->scales.reserve(padded_n * 4) ||
      !packed->sums.reserve(padded_n * 4) || (asymmetric && !packed->zeros.reserve(padded_n * 4)) ||
      (bias && !packed->bias.reserve(padded_n * 4))) {
    return fail(Code::OutOfMemory, "no memory to pack an int8 weight [%zu, %zu]", n, k);
  }
  packed->kind = PackedWeight::kInt8;
  packed->n = n, packed->k = k, packed->kernels = kernels;
  packed->panel_stride = padded_k * OCTAVO_PANEL;
  packed->has_bias = bias != nullptr;
  packed->has_zeros = asymmetric;
  int8_t* panels = packed->panels.as<int8_t>();
  if (panels != nullptr) memset(panels, 0, padded_n * padded_k);
  memset(packed->scales.data(), 0, padded_n * 4);
  memset(packed->sums.data(), 0, padded_n * 4);
  if (asymmetric) memset(packed->zeros.data(), 0, padded_n * 4);
  if (bias) memset(packed->bias.data(), 0, padded_n * 4);
  for (size_t column = 0; column < n; column++) {
    int8_t* panel = panels + column / OCTAVO_PANEL * packed->panel_stride + column % OCTAVO_PANEL * group;
    const size_t channel = channels == 1 ? 0 : column;
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) {
      const int8_t value = weight[column * k + i];
      panel[i / group * group * OCTAVO_PANEL + i % group] = value;
      sum += value;
    }
    packed->sums.as<int32_t>()[column] = sum - int32_t(k) * zeros[channel];
    packed->scales.as<float>()[column] = scales[channel];
    if (asymmetric) packed->zeros.as<int32_t>()[column] = zeros[channel];
    if (bias) packed->bias.as<float>()[column] = bias[column];
  }
  *out = std::move(packed);
  return {};
}

}  // namespace octavo

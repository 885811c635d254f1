#include "pack.h"

#include "pack_in_place.h"

#include <string.h>

#include <initializer_list>
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

void pack_gates_f32(const float* b, size_t gates, size_t n, size_t k, float* out) {
  const size_t units = n / gates;
  for (size_t unit = 0; unit < units; unit += OCTAVO_PANEL) {
    const size_t count = units - unit < OCTAVO_PANEL ? units - unit : OCTAVO_PANEL;
    for (size_t gate = 0; gate < gates; gate++, out += k * OCTAVO_PANEL) pack_f32(b + (gate * units + unit) * k, {1, k}, count, k, out);
  }
}

Status pack_linear_f32(float* weight, size_t n, size_t k, size_t gates, bool in_place, std::shared_ptr<PackedWeight>* out) {
  in_place = in_place && gates == 1 && packs_in_place(weight, n, k, 1);
  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  const size_t panel_bytes = panel_count(n, gates) * k * OCTAVO_PANEL * sizeof(float);
  if (packed && in_place) packed->panels = Buffer::over(weight, panel_bytes);
  if (!packed || !(in_place ? pack_in_place_f32(weight, n, k) : packed->panels.reserve(panel_bytes))) {
    return fail(Code::OutOfMemory, "no memory to pack a float weight [%zu, %zu]", n, k);
  }
  packed->kind = PackedWeight::kFloat;
  packed->n = n, packed->k = k, packed->gates = gates, packed->panel_stride = k * OCTAVO_PANEL;
  packed->rank = 2, packed->dims[0] = int64_t(n), packed->dims[1] = int64_t(k);
  if (!in_place) pack_gates_f32(weight, gates, n, k, packed->panels.as<float>());
  *out = std::move(packed);
  return {};
}

void pack_conv_f32(const FloatConvWeight& weight, float* out) {
  const size_t taps = weight.taps(), channels = weight.channels(), k = taps * channels;
  // A depthwise weight is one group of as many columns, each of its own channel.
  const size_t groups = weight.depthwise() ? 1 : weight.groups, n = weight.depthwise() ? weight.groups : weight.n();
  const size_t column_step = weight.transposed ? taps : k, channel_step = weight.transposed ? weight.n() * taps : taps;
  for (size_t g = 0; g < groups; g++) {
    const float* from = weight.values + g * n * k;
    for (size_t first = 0; first < n; first += OCTAVO_PANEL) {
      const size_t columns = n - first < OCTAVO_PANEL ? n - first : OCTAVO_PANEL;
      for (size_t tap = 0; tap < taps; tap++) {
        for (size_t c = 0; c < channels; c++, out += OCTAVO_PANEL) {
          for (size_t j = 0; j < OCTAVO_PANEL; j++) {
            out[j] = j < columns ? from[(first + j) * column_step + c * channel_step + tap] : 0.0f;
          }
        }
      }
    }
  }
}

Status pack_conv_f32(const FloatConvWeight& weight, std::shared_ptr<PackedWeight>* out) {
  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  if (!packed || !packed->panels.reserve(weight.panel_floats() * sizeof(float))) {
    return fail(Code::OutOfMemory, "no memory to pack a float weight of %zu floats", weight.panel_floats());
  }
  packed->kind = PackedWeight::kFloatConv;
  packed->n = weight.n(), packed->k = weight.taps() * weight.channels(), packed->groups = weight.groups;
  packed->panel_stride = packed->k * OCTAVO_PANEL;
  packed->geometry.transposed = weight.transposed;
  packed->rank = weight.rank;
  for (int i = 0; i < weight.rank; i++) packed->dims[i] = weight.dims[i];
  pack_conv_f32(weight, packed->panels.as<float>());
  *out = std::move(packed);
  return {};
}

namespace {

// Where a column lies among panels [units / 16][gates][16].
size_t interleaved(size_t column, const Int8Weight& weight) {
  const size_t units = weight.n / weight.gates, gate = column / units, unit = column % units;
  return (unit / OCTAVO_PANEL * weight.gates + gate) * OCTAVO_PANEL + unit % OCTAVO_PANEL;
}

bool reserve_columns(const Int8Weight& weight, size_t columns, bool asymmetric, PackedWeight* packed) {
  for (Buffer* buffer : {&packed->scales, &packed->sums, &packed->zeros, &packed->bias}) {
    if ((buffer == &packed->zeros && !asymmetric) || (buffer == &packed->bias && !weight.bias)) continue;
    if (!buffer->reserve(columns * 4)) return false;
    if (columns != 0) memset(buffer->data(), 0, columns * 4);
  }
  return true;
}

}  // namespace

Status pack_s8(const octavo_kernels* kernels, const Int8Weight& weight, const ConvGeometry& geometry, std::shared_ptr<PackedWeight>* out) {
  const size_t channels = weight.channels, taps = weight.taps, k = channels * taps;
  const bool depthwise = geometry.rank != 0 && channels == 1 && weight.n == 1;
  bool asymmetric = false;
  for (size_t i = 0; i < (weight.per_channel ? weight.groups * weight.n : 1); i++) asymmetric = asymmetric || weight.zeros[i] != 0;

  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  if (!packed) return fail(Code::OutOfMemory, "no memory to pack an int8 weight");
  packed->kind = depthwise ? PackedWeight::kDepthwise : PackedWeight::kInt8;
  packed->n = depthwise ? weight.groups : weight.n;
  packed->k = k;
  packed->groups = depthwise ? 1 : weight.groups;
  packed->gates = weight.gates;
  packed->kernels = kernels;
  packed->has_bias = weight.bias != nullptr;
  // Depthwise weights hold their zero points already; codes that panels hold + 128 move every zero point with them.
  packed->has_zeros = (asymmetric || kernels->u8s8_flip != 0) && !depthwise;
  packed->per_channel = weight.per_channel;
  packed->geometry = geometry;
  packed->panel_stride = (depthwise ? round_up(taps, 2) : round_up(k, kernels->u8s8_k_multiple)) * OCTAVO_PANEL;

  const size_t panel_bytes = packed->groups * packed->group_stride() * (depthwise ? sizeof(int16_t) : 1);
  const bool in_place = weight.place != nullptr && geometry.rank == 0 && weight.gates == 1 && packs_in_place(weight.place, weight.n, k, kernels->u8s8_k_multiple);
  if (in_place) packed->panels = Buffer::over(weight.place, panel_bytes);
  if ((!in_place && !packed->panels.reserve(panel_bytes)) || !reserve_columns(weight, packed->groups * packed->padded_n(), packed->has_zeros, packed.get())) {
    return fail(Code::OutOfMemory, "no memory to pack an int8 weight of %zu groups [%zu, %zu]", weight.groups, weight.n, k);
  }
  if (!depthwise && kernels->u8s8_splits) {
    packed->splits.reset(new (std::nothrow) WeightSplits(packed->panels.as<int8_t>(), packed->groups * panel_count(packed->n, packed->gates),
                                                         packed->panel_stride, packed->n));
  }

  const auto set_column = [&](size_t i, size_t column, int32_t sum) {
    const int32_t zero = weight.zeros[weight.per_channel ? i : 0];
    packed->sums.as<int32_t>()[column] = sum;
    packed->scales.as<float>()[column] = weight.scales[weight.per_channel ? i : 0];
    if (packed->has_zeros) packed->zeros.as<int32_t>()[column] = zero + kernels->u8s8_flip;
    if (weight.bias) packed->bias.as<float>()[column] = weight.bias[i];
  };
  if (geometry.rank == 0 && weight.gates == 1) {
    // A linear's rows go into panels whole: what loading a model waits for.
    int32_t* sums = packed->sums.as<int32_t>();
    if (!in_place) pack_s8_panels(kernels, {weight.codes, weight.n, k, k, 1}, packed->panels.as<int8_t>(), sums);
    else if (!pack_in_place_s8(kernels, weight.place, weight.n, k, sums)) return fail(Code::OutOfMemory, "no memory to pack an int8 weight");
    for (size_t i = 0; i < weight.n; i++) set_column(i, i, sums[i] - weight.zeros[weight.per_channel ? i : 0] * int32_t(k));
    *out = std::move(packed);
    return {};
  }
  if (panel_bytes != 0) memset(packed->panels.data(), 0, panel_bytes);

  const size_t column_step = geometry.transposed ? taps : k, channel_step = geometry.transposed ? weight.n * taps : taps;
  const size_t group = depthwise ? 2 : kernels->u8s8_group;
  for (size_t i = 0; i < weight.groups * weight.n; i++) {
    const size_t g = i / weight.n, own = depthwise ? i : interleaved(i % weight.n, weight);
    const int32_t zero = weight.zeros[weight.per_channel ? i : 0];
    const int8_t* from = weight.codes + g * weight.n * k + i % weight.n * column_step;
    const size_t panel = (depthwise ? 0 : g * packed->group_stride()) + own / OCTAVO_PANEL * packed->panel_stride + own % OCTAVO_PANEL * group;
    int32_t sum = 0;
    size_t j = 0;
    for (size_t tap = 0; tap < taps; tap++) {
      for (size_t c = 0; c < channels; c++, j++) {
        const int32_t code = from[tap + c * channel_step];
        const size_t at = panel + j / group * group * OCTAVO_PANEL + j % group;
        if (depthwise) packed->panels.as<int16_t>()[at] = int16_t(code - zero);
        else packed->panels.as<int8_t>()[at] = int8_t(code ^ kernels->u8s8_flip);
        sum += code - zero;
      }
    }
    set_column(i, depthwise ? i : g * packed->padded_n() + own, sum);
  }
  *out = std::move(packed);
  return {};
}

size_t s8_panel_bytes(const octavo_kernels* kernels, size_t n, size_t k) {
  return panel_count(n) * round_up(k, kernels->u8s8_k_multiple) * OCTAVO_PANEL;
}

namespace {

int32_t sum_of(const int8_t* codes, size_t n, size_t step) {
  int32_t sum = 0;
  if (step == 1) {
    for (size_t i = 0; i < n; i++) sum += codes[i];
  } else {
    for (size_t i = 0; i < n; i++) sum += codes[i * step];
  }
  return sum;
}

// Four rows of k of one panel, column beside column: constant bounds, which compilers turn into shuffles.
void interleave(const int8_t* from, size_t n_step, size_t k_step, int8_t* to) {
  if (n_step == 1) {
    for (size_t j = 0; j < OCTAVO_PANEL; j++) {
      for (size_t i = 0; i < 4; i++) to[j * 4 + i] = from[i * k_step + j];
    }
  } else {
    for (size_t j = 0; j < OCTAVO_PANEL; j++) memcpy(to + j * 4, from + j * n_step, 4);
  }
}

}  // namespace

void pack_s8_panels(const octavo_kernels* kernels, const CodeMatrix& b, int8_t* panels, int32_t* sums) {
  const size_t group = kernels->u8s8_group, k_padded = round_up(b.k, kernels->u8s8_k_multiple);
  const bool fours = group == 4 && kernels->u8s8_flip == 0 && (b.n_step == 1 || b.k_step == 1);
  for (size_t first = 0; first < b.n; first += OCTAVO_PANEL) {
    const size_t columns = b.n - first < OCTAVO_PANEL ? b.n - first : OCTAVO_PANEL;
    const int8_t* from = b.codes + first * b.n_step;
    for (size_t k = 0; k < k_padded; k += group, panels += group * OCTAVO_PANEL) {
      const int8_t* at = from + k * b.k_step;
      if (fours && columns == OCTAVO_PANEL && k + group <= b.k) {
        interleave(at, b.n_step, b.k_step, panels);
      } else {
        for (size_t j = 0; j < OCTAVO_PANEL; j++) {
          for (size_t i = 0; i < group; i++) {
            const bool padding = j >= columns || k + i >= b.k;
            panels[j * group + i] = padding ? int8_t(0) : int8_t(at[j * b.n_step + i * b.k_step] ^ kernels->u8s8_flip);
          }
        }
      }
    }
    for (size_t j = 0; sums != nullptr && j < OCTAVO_PANEL; j++) {
      sums[first + j] = j < columns ? sum_of(from + j * b.n_step, b.k, b.k_step) : 0;
    }
  }
}

Status pack_grouped(const GroupedWeight& weight, std::shared_ptr<PackedWeight>* out) {
  const size_t n = weight.n, k = weight.k, groups = weight.groups(), panels = panel_count(n), word = 32 / weight.bits;
  std::shared_ptr<PackedWeight> packed(new (std::nothrow) PackedWeight{});
  const size_t code_bytes = panels * (round_up(k, word) / word) * OCTAVO_PANEL * sizeof(int32_t);
  const size_t parameters = panels * groups * OCTAVO_PANEL;
  if (!packed || !packed->panels.reserve(code_bytes) || !packed->scales.reserve(parameters * sizeof(float)) || !packed->zeros.reserve(parameters)) {
    return fail(Code::OutOfMemory, "no memory to pack a weight of codes [%zu, %zu]", n, k);
  }
  packed->kind = PackedWeight::kGrouped;
  packed->n = n, packed->k = k;
  packed->bits = weight.bits, packed->group_size = weight.group_size, packed->k_groups = groups;
  packed->panel_stride = panels == 0 ? 0 : code_bytes / panels;
  packed->rank = 2, packed->dims[0] = int64_t(n), packed->dims[1] = int64_t(k);
  uint8_t* codes = packed->panels.data();
  float* scales = packed->scales.as<float>();
  uint8_t* zeros = packed->zeros.data();
  if (code_bytes != 0) memset(codes, 0, code_bytes);
  if (parameters != 0) memset(scales, 0, parameters * sizeof(float)), memset(zeros, 0, parameters);
  for (size_t column = 0; column < n; column++) {
    const size_t panel = column / OCTAVO_PANEL, lane = column % OCTAVO_PANEL;
    const uint8_t* from = weight.codes + column * k * weight.bits / 8;
    uint8_t* to = codes + panel * packed->panel_stride;
    // A word of codes is four bytes in the order that they have already.
    for (size_t i = 0; i < k * weight.bits / 8; i++) to[(i / 4 * OCTAVO_PANEL + lane) * 4 + i % 4] = from[i];
    for (size_t g = 0; g < groups; g++) {
      const float scale = weight.scales[column * groups + g];
      scales[(panel * groups + g) * OCTAVO_PANEL + lane] = scale;
      zeros[(panel * groups + g) * OCTAVO_PANEL + lane] = weight.zeros[column * groups + g];
      if (scale != 0 && scale > -0x1p-100f && scale < 0x1p-100f) packed->prescalable = false;
    }
  }
  *out = std::move(packed);
  return {};
}

}  // namespace octavo

// Kernels that end in codes: each table against the formulas of core's `numerics/requantize.ts`, written out here, over
// tails, strides, zero points and gathered rows, with buffers between pages which cannot be touched; then whole
// convolutions, every layout of their tensors.
#include "conv_test.h"

#include <memory>

#include "../ops/ops.h"
#include "../runtime/pack.h"
#include "check.h"

namespace {

using check::Guarded;
using check::Random;
using octavo::DType;
using octavo::PackedWeight;
using octavo::View;

int32_t rint32(float x) {
  const float rounded = nearbyintf(x);
  return rounded >= -0x1p31f && rounded < 0x1p31f ? int32_t(rounded) : INT32_MIN;
}

uint8_t code_of(int64_t sum, size_t column, const octavo_requantize& q) {
  float t = float(int32_t(sum));
  if (q.biases) t = q.reciprocal ? fmaf(q.biases[column], *q.reciprocal, t) : t + q.biases[column];
  const int64_t code = int64_t(rint32(t * q.multipliers[column])) + q.zero;
  return uint8_t(code < q.low ? q.low : code > q.high ? q.high : code);
}

size_t padded(size_t n) { return octavo::panel_count(n) * OCTAVO_PANEL; }

// Weights [groups][n][channels][taps] and what turns their sums into codes, sometimes far outside the range of codes.
struct Weights {
  std::vector<int8_t> codes;
  std::vector<float> scales, bias;
  std::vector<int32_t> zeros;
  octavo::Int8Weight view;
  Weights(size_t groups, size_t n, size_t channels, size_t taps, Random& random)
      : codes(groups * n * channels * taps), scales(groups * n), bias(groups * n), zeros(groups * n) {
    const bool extremes = random.one_in(4), asymmetric = random.one_in(3);
    // Where most weights are small, kernels take the others apart.
    const size_t spread = random.one_in(2) ? 256 : 100;
    for (int8_t& x : codes) {
      x = extremes ? (random.one_in(2) ? 127 : -128) : int8_t(int(random.below(random.one_in(60) ? 256 : spread)) - int(spread / 2));
    }
    for (float& x : scales) x = random.uniform(1e-3f, 0.1f);
    for (float& x : bias) x = random.uniform(-10, 10);
    for (int32_t& x : zeros) x = asymmetric ? int32_t(random.below(256)) - 128 : 0;
    view = {codes.data(), groups, n, channels, taps, scales.data(), zeros.data(), random.one_in(2), random.one_in(4) ? nullptr : bias.data()};
  }
  int32_t zero(size_t column) const { return zeros[view.per_channel ? column : 0]; }
};

std::shared_ptr<PackedWeight> pack(const octavo_kernels* table, const octavo::Int8Weight& weight, const octavo::ConvGeometry& geometry) {
  std::shared_ptr<PackedWeight> packed;
  if (!octavo::pack_s8(table, weight, geometry, &packed).ok()) abort();
  for (const size_t bits : {7, 8}) {
    if (packed->splits) packed->splits->at_once(bits);
  }
  return packed;
}

// Parameters of requantization for n columns in guarded memory.
struct Requantization {
  Guarded offsets, multipliers, biases, reciprocal;
  explicit Requantization(size_t n) : offsets(padded(n) * 4), multipliers(padded(n) * 4), biases(padded(n) * 4), reciprocal(4) {}
  octavo_requantize make(size_t n, size_t k, Random& random) {
    const size_t whole = padded(n);
    std::vector<int32_t> some_offsets(whole);
    std::vector<float> some_multipliers(whole), some_biases(whole);
    for (size_t i = 0; i < n; i++) {
      some_offsets[i] = int32_t(random.below(1 << 20)) - (1 << 19);
      // Ties where it is a power of two, out of int32's range where it is large.
      some_multipliers[i] = random.one_in(4) ? ldexpf(1, -int(random.below(16))) : random.one_in(16) ? 1e9f : random.uniform(0.1f, 2) / float(64 * (k + 1));
      some_biases[i] = random.one_in(64) ? NAN : random.uniform(-5000, 5000);
    }
    const float inverse = random.uniform(0.5f, 2);
    const size_t form = random.below(3);
    const int32_t low = int32_t(random.below(100)), high = 255 - int32_t(random.below(100));
    return {offsets.copy(some_offsets.data(), whole, random), multipliers.copy(some_multipliers.data(), whole, random),
            form ? biases.copy(some_biases.data(), whole, random) : nullptr, form == 2 ? reciprocal.copy(&inverse, 1, random) : nullptr,
            int32_t(random.below(256)), low, high};
  }
};

void expect_codes(const uint8_t* actual, size_t step, const std::vector<uint8_t>& expected, size_t m, size_t n) {
  for (size_t r = 0; r < m; r++) {
    for (size_t j = 0; j < n; j++) {
      if (actual[r * step + j] == expected[r * n + j]) continue;
      if (!check::expect(false) && check::failures <= 5) {
        printf("  [%zu, %zu] is %d, expected %d\n", r, j, actual[r * step + j], expected[r * n + j]);
      }
      return;
    }
  }
  bool gaps = true;
  for (size_t r = 0; r + 1 < m; r++) {
    for (size_t j = n; j < step; j++) gaps = gaps && actual[r * step + j] == 0xA5;
  }
  if (!check::expect(gaps)) printf("  wrote between the rows\n");
}

void test_gemm_codes(const octavo_kernels* table, uint64_t seed, size_t one_in) {
  constexpr size_t kRows = OCTAVO_GEMM_ROWS, kColumns = 130, kMaxK = 1100;
  Guarded a(kRows * (kMaxK + 9) + 64), b(padded(kColumns) * (kMaxK + 64)), zeros(padded(kColumns) * 4), c(kRows * (kColumns + 9));
  Guarded scratch(table->gemm_u8s8_scratch(kMaxK)), pointers(kRows * kMaxK * sizeof(void*));
  Requantization requantization(kColumns);
  Random random(seed * 1000151);
  for (size_t round = 0; round < 6000 / one_in; round++) {
    const size_t m = random.one_in(20) ? kRows : 1 + random.below(20);
    const size_t n = 1 + random.below(random.one_in(2) ? 20 : kColumns);
    const size_t k_limit = random.one_in(10) ? kMaxK : 140;
    const bool gathered = random.one_in(2);
    const size_t run = gathered ? 1 + random.below(random.one_in(2) ? 20 : k_limit) : 1, runs = gathered ? 1 + random.below(k_limit / run) : 0;
    const size_t k = gathered ? run * runs : random.below(k_limit), lda = k + random.below(9), ldc = n + random.below(9);
    const size_t offset = gathered ? random.below(40) : 0;
    check::at("m %zu, n %zu, k %zu, run %zu, offset %zu, lda %zu, ldc %zu", m, n, k, run, offset, lda, ldc);
    const Weights weights(1, n, k, 1, random);
    const auto packed = pack(table, weights.view, octavo::ConvGeometry());
    const octavo_requantize q = requantization.make(n, k, random);
    // One array of codes, from anywhere in which runs come.
    const size_t size = gathered ? offset + run + random.below(500) : m == 0 ? 0 : (m - 1) * lda + k;
    std::vector<uint8_t> codes(size);
    const bool largest = random.one_in(4);
    const size_t most = random.one_in(2) ? 255 : 127;  // 8 bits, or 7
    for (uint8_t& x : codes) x = uint8_t(largest ? most : random.below(most + 1));
    const uint8_t* base = a.copy(codes.data(), size, random);
    std::vector<const uint8_t*> starts(m * runs);
    for (const uint8_t*& start : starts) start = base + random.below(size - offset - run + 1);
    const uint8_t* const* run_pointers = gathered ? pointers.copy(starts.data(), starts.size(), random) : nullptr;
    const octavo_gemm_u8s8_codes gemm = {
        m, n, k, gathered ? nullptr : base, lda, run_pointers, run, offset,
        b.copy(packed->panels.as<int8_t>(), octavo::panel_count(n) * packed->panel_stride, random),
        packed->has_zeros ? zeros.copy(packed->zeros.as<int32_t>(), padded(n), random) : nullptr, q,
        c.fresh<uint8_t>((m - 1) * ldc + n, random), ldc, scratch.fresh<uint8_t>((table->gemm_u8s8_scratch(k) + 63) / 64 * 64, random), packed->splits.get(), 0};
    table->gemm_u8s8_codes(&gemm);
    std::vector<uint8_t> expected(m * n);
    for (size_t r = 0; r < m; r++) {
      for (size_t j = 0; j < n; j++) {
        int64_t sum = q.offsets[j];
        for (size_t i = 0; i < k; i++) {
          const uint8_t* at = gathered ? starts[r * runs + i / run] + offset + i % run : base + r * lda + i;
          sum += int64_t(*at) * (weights.codes[j * k + i] - weights.zero(j));
        }
        expected[r * n + j] = code_of(sum, j, q);
      }
    }
    expect_codes(gemm.c, ldc, expected, m, n);
  }
}

// Random places of taps among pointers, of which neighbouring positions share some, in guarded memory.
struct Taps {
  static constexpr size_t kRows = 4, kWidth = 12, kTaps = 70, kMaxPointers = kRows * 40 + kWidth * 3 + 3 * kTaps;
  Guarded places{kTaps * sizeof(size_t)}, memory{kMaxPointers * sizeof(void*)};
  octavo_taps at;
  size_t pointers;
  std::vector<size_t> tap_at;
  void make(size_t most_taps, Random& random) {
    const size_t taps = 1 + random.below(most_taps), step = 1 + random.below(3), reach = 1 + random.below(3 * taps);
    tap_at.resize(taps);
    for (size_t& place : tap_at) place = random.below(reach);
    at = {1 + random.below(kRows), 1 + random.below(kWidth), taps, random.below(40), step, places.copy(tap_at.data(), taps, random)};
    pointers = (at.rows - 1) * at.pitch + (at.width - 1) * step + reach;
  }
  size_t positions() const { return at.rows * at.width; }
  size_t pointer(size_t position, size_t t) const {
    return position / at.width * at.pitch + position % at.width * at.step + tap_at[t];
  }
};

void test_depthwise(const octavo_kernels* table, uint64_t seed, size_t one_in) {
  constexpr size_t kChannels = 70;
  Taps places;
  Guarded x(4096), weight(padded(kChannels) * (Taps::kTaps + 2) * 2), c(Taps::kRows * Taps::kWidth * (kChannels + 9));
  Requantization requantization(kChannels);
  Random random(seed * 1000159);
  octavo::ConvGeometry geometry;
  geometry.rank = 1;
  for (size_t round = 0; round < 6000 / one_in; round++) {
    places.make(Taps::kTaps, random);
    const size_t m = places.positions(), channels = 1 + random.below(kChannels), taps = places.at.taps, ldc = channels + random.below(9);
    check::at("%zu rows of %zu, channels %zu, taps %zu, ldc %zu", places.at.rows, places.at.width, channels, taps, ldc);
    const Weights weights(channels, 1, 1, taps, random);
    const auto packed = pack(table, weights.view, geometry);
    const octavo_requantize q = requantization.make(channels, taps, random);
    std::vector<uint8_t> codes(channels + random.below(1000));
    const bool largest = random.one_in(4);
    for (uint8_t& code : codes) code = largest ? 255 : uint8_t(random.below(256));
    const uint8_t* base = x.copy(codes.data(), codes.size(), random);
    std::vector<const uint8_t*> starts(places.pointers);
    for (const uint8_t*& start : starts) start = base + random.below(codes.size() - channels + 1);
    const octavo_depthwise_u8s8 depthwise = {
        places.at, channels, places.memory.copy(starts.data(), starts.size(), random),
        weight.copy(packed->panels.as<int16_t>(), padded(channels) * (taps + taps % 2), random), q,
        c.fresh<uint8_t>((m - 1) * ldc + channels, random), ldc};
    table->depthwise_u8s8(&depthwise);
    std::vector<uint8_t> expected(m * channels);
    for (size_t r = 0; r < m; r++) {
      for (size_t j = 0; j < channels; j++) {
        int64_t sum = q.offsets[j];
        for (size_t t = 0; t < taps; t++) sum += int64_t(starts[places.pointer(r, t)][j]) * (weights.codes[j * taps + t] - weights.zero(j));
        expected[r * channels + j] = code_of(sum, j, q);
      }
    }
    expect_codes(depthwise.c, ldc, expected, m, channels);
  }
}

void test_depthwise_f32(const octavo_kernels* table, uint64_t seed, size_t one_in) {
  constexpr size_t kChannels = 40, kTaps = 30;
  Taps places;
  Guarded x(8192), weight(padded(kChannels) * kTaps * 4), bias(kChannels * 4), alpha(kChannels * 4), beta(kChannels * 4);
  Guarded c(Taps::kRows * Taps::kWidth * (kChannels + 9) * 4);
  Random random(seed * 1000171);
  for (size_t round = 0; round < 6000 / one_in; round++) {
    places.make(kTaps, random);
    const size_t m = places.positions(), channels = 1 + random.below(kChannels), taps = places.at.taps, ldc = channels + random.below(9);
    const octavo_activation activation = octavo_activation(random.below(2) * (1 + 2 * random.below(2)));  // none, relu, relu6
    check::at("%zu rows of %zu, channels %zu, taps %zu, ldc %zu", places.at.rows, places.at.width, channels, taps, ldc);
    std::vector<float> values(channels + random.below(500)), weights(channels * taps), biases(channels), alphas(channels), betas(channels);
    for (float& v : values) v = random.one_in(200) ? check::special(random) : random.wide();
    for (float& v : weights) v = random.wide();
    for (std::vector<float>* each : {&biases, &alphas, &betas}) {
      for (float& v : *each) v = random.wide();
    }
    octavo::FloatConvWeight model = {weights.data(), 3, {int64_t(channels), 1, int64_t(taps)}, channels, false};
    std::vector<float> panels(octavo::f32_panel_floats(channels, taps));
    octavo::pack_conv_f32(model, panels.data());
    // A single channel is depthwise as well.
    check::expect(model.panel_floats() == panels.size());
    const float* base = x.copy(values.data(), values.size(), random);
    std::vector<const float*> starts(places.pointers);
    for (const float*& start : starts) start = base + random.below(values.size() - channels + 1);
    const bool with_bias = random.one_in(2), with_norm = random.one_in(2);
    const octavo_depthwise_f32 depthwise = {places.at, channels, places.memory.copy(starts.data(), starts.size(), random),
                                            weight.copy(panels.data(), panels.size(), random),
                                            with_bias ? bias.copy(biases.data(), channels, random) : nullptr,
                                            c.fresh<float>((m - 1) * ldc + channels, random), ldc, activation,
                                            with_norm ? alpha.copy(alphas.data(), channels, random) : nullptr,
                                            with_norm ? beta.copy(betas.data(), channels, random) : nullptr};
    table->depthwise_f32(&depthwise);
    std::vector<float> expected(m * channels);
    for (size_t r = 0; r < m; r++) {
      for (size_t j = 0; j < channels; j++) {
        float sum = 0;
        for (size_t t = 0; t < taps; t++) sum = fmaf(starts[places.pointer(r, t)][j], weights[j * taps + t], sum);
        if (with_bias) sum += biases[j];
        if (with_norm) sum = fmaf(sum, alphas[j], betas[j]);
        if (activation != OCTAVO_ACT_NONE) sum = 0 > sum ? 0 : sum;
        if (activation == OCTAVO_ACT_RELU6) sum = 6 < sum ? 6 : sum;
        expected[r * channels + j] = sum;
      }
    }
    check::expect_floats("C", depthwise.c, ldc, expected.data(), channels, m, channels);
    bool gaps = true;
    for (size_t r = 0; r + 1 < m; r++) {
      for (size_t j = channels; j < ldc; j++) gaps = gaps && check::to_bits(depthwise.c[r * ldc + j]) == 0xA5A5A5A5u;
    }
    if (!check::expect(gaps)) printf("  wrote between the rows\n");
  }
}

// A tensor [batch, channels, depth, height, width] in either layout, all its memory between guard pages.
View place(Guarded& memory, const std::vector<uint8_t>& values, const size_t* dims, bool channels_last, Random& random) {
  View view;
  view.present = true, view.dtype = DType::Uint8, view.rank = 5, view.channels_last = channels_last;
  for (int i = 0; i < 5; i++) view.dims[i] = int64_t(dims[i]);
  view.data = memory.fresh<uint8_t>(view.size(), random);
  const size_t positions = dims[2] * dims[3] * dims[4];
  for (size_t i = 0; i < values.size(); i++) {
    const size_t position = i % positions, channel = i / positions % dims[1], image = i / positions / dims[1];
    view.data[channels_last ? (image * positions + position) * dims[1] + channel : i] = values[i];
  }
  return view;
}

void test_conv(const octavo_kernels* table, uint64_t seed, size_t one_in) {
  constexpr size_t kBytes = 1 << 21;
  Guarded from(kBytes), to(kBytes);
  octavo::ThreadPool pools[2] = {octavo::ThreadPool(1), octavo::ThreadPool(3)};
  Random random(seed * 1000169);
  for (size_t round = 0; round < 1800 / one_in; round++) {
    const bool transposed = random.one_in(4);
    const size_t groups = random.one_in(2) ? 1 : 1 + random.below(20);
    const size_t channels = random.one_in(2) ? 1 : 1 + random.below(groups == 1 ? 70 : 6), n = random.one_in(2) ? 1 : 1 + random.below(groups == 1 ? 40 : 6);
    octavo::ConvGeometry geometry;
    geometry.rank = 3, geometry.transposed = transposed;
    size_t in[5] = {1 + random.below(2), groups * channels}, out[5] = {in[0], groups * n};
    for (int i = 0; i < 3; i++) {
      const size_t kernel = 1 + random.below(i == 0 ? 2 : 4), stride = 1 + random.below(3), dilation = 1 + random.below(2);
      const size_t begin = random.below(3), end = random.below(3), reach = dilation * (kernel - 1) + 1;
      in[2 + i] = (transposed ? begin + end + 1 : reach > begin + end ? reach - begin - end : 1) + random.below(i == 2 ? 14 : 4);
      geometry.axes[i] = {kernel, stride, dilation, begin, end, transposed ? random.below(stride) : 0};
      out[2 + i] = size_t(geometry.output(i, in[2 + i]));
    }
    const size_t taps = geometry.taps(), depth = channels * taps, positions = out[2] * out[3] * out[4];
    check::at("groups %zu, channels %zu to %zu, transposed %zu, in %zu x %zu x %zu", groups, channels, n, transposed, in[2], in[3], in[4]);
    Weights weights(groups, n, channels, taps, random);
    const auto packed = pack(table, weights.view, geometry);
    std::vector<uint8_t> x(in[0] * in[1] * in[2] * in[3] * in[4]), y(out[0] * out[1] * positions);
    for (uint8_t& code : x) code = uint8_t(random.below(256));
    const double attrs[5] = {random.uniform(0.001f, 0.1f), double(random.below(256)), random.uniform(0.05f, 1) * sqrt(double(depth)),
                             double(random.below(256)), double(random.one_in(2) ? 0 : 1)};
    const float x_scale = float(attrs[0]), y_scale = float(attrs[2]);
    for (size_t i = 0; i < y.size(); i++) {
      const size_t column = i / positions % out[1], image = i / positions / out[1], group = column / n;
      const size_t at[3] = {i % positions / (out[3] * out[4]), i / out[4] % out[3], i % out[4]};
      int64_t sum = 0;
      for (size_t t = 0; t < taps; t++) {
        const size_t tap[3] = {t / geometry.axes[2].kernel / geometry.axes[1].kernel, t / geometry.axes[2].kernel % geometry.axes[1].kernel,
                               t % geometry.axes[2].kernel};
        int64_t source = 0;
        bool inside = true;
        for (int axis = 0; axis < 3; axis++) {
          const octavo::ConvAxis& a = geometry.axes[axis];
          int64_t p = transposed ? int64_t(at[axis] + a.begin) - int64_t(tap[axis] * a.dilation)
                                 : int64_t(at[axis] * a.stride + tap[axis] * a.dilation) - int64_t(a.begin);
          if (transposed) {
            inside = inside && p >= 0 && p % int64_t(a.stride) == 0;
            p = p < 0 ? p : p / int64_t(a.stride);
          }
          inside = inside && p >= 0 && p < int64_t(in[2 + axis]);
          source = source * int64_t(in[2 + axis]) + p;
        }
        for (size_t c = 0; inside && c < channels; c++) {
          const size_t w = transposed ? ((group * channels + c) * n + column % n) * taps + t : (column * channels + c) * taps + t;
          const size_t plane = in[2] * in[3] * in[4];
          sum += (int64_t(x[(image * in[1] + group * channels + c) * plane + size_t(source)]) - int64_t(attrs[1])) *
                 (weights.codes[w] - weights.zero(column));
        }
      }
      const float aw = x_scale * weights.scales[weights.view.per_channel ? column : 0];
      const float multiplier = aw / y_scale, inverse = 1.0f / aw;
      const float bias = !weights.view.bias ? 0 : weights.view.per_channel ? weights.bias[column] / aw : weights.bias[column];
      const octavo_requantize q = {nullptr, &multiplier, weights.view.bias ? &bias : nullptr, weights.view.per_channel ? nullptr : &inverse,
                                   int32_t(attrs[3]), attrs[4] != 0 ? int32_t(attrs[3]) : 0, 255};
      y[i] = code_of(sum, 0, q);
    }
    for (const bool x_last : {false, true}) {
      for (const bool y_last : {false, true}) {
        const View inputs[2] = {place(from, x, in, x_last, random), [&] {
                                  View view;
                                  view.present = true, view.packed = packed;
                                  return view;
                                }()};
        View output = place(to, {}, out, y_last, random);
        octavo::Call call = {"conv", inputs, 2, &output, 1, attrs, transposed ? size_t(4) : size_t(5), table, &pools[random.below(2)]};
        const double no_activation[4] = {attrs[0], attrs[1], attrs[2], attrs[3]};
        if (transposed && attrs[4] != 0) continue;  // it has no activation
        if (transposed) call.attrs = no_activation;
        const octavo::Status status = transposed ? octavo::conv_transpose_quantized(call) : octavo::conv_quantized(call);
        if (!check::expect(status.ok())) printf("  %s\n", status.message);
        bool same = status.ok();
        for (size_t i = 0; same && i < y.size(); i++) {
          const size_t position = i % positions, channel = i / positions % out[1], image = i / positions / out[1];
          same = output.data[y_last ? (image * positions + position) * out[1] + channel : i] == y[i];
          if (!same) printf("  output %zu differs, layouts %d to %d\n", i, x_last, y_last);
        }
        check::expect(same);
      }
    }
  }
}

}  // namespace

const std::vector<ConvTest>& conv_tests() {
  static const std::vector<ConvTest> tests = {{"codes, formula", true, test_gemm_codes},
                                              {"depthwise, formula", false, test_depthwise},
                                              {"float depthwise, formula", false, test_depthwise_f32},
                                              {"convolutions, every layout", true, test_conv}};
  return tests;
}

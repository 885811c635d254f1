#include "peak.h"

#include <string.h>

#include <chrono>
#include <memory>

#include "buffer.h"
#include "pack.h"

namespace octavo {
namespace {

// One full block of rows; the weight takes 147 KB as int8 and 590 KB as float, within the L2 of today's cores.
constexpr size_t kRows = OCTAVO_GEMM_ROWS, kColumns = 192, kDepth = 768;

template <class Call> double best_rate(Call call) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(20);
  double best = 1e9;  // seconds
  for (Clock::time_point start = Clock::now(); start < end;) {
    call();
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - start).count();
    if (seconds > 0 && seconds < best) best = seconds;
    start = now;
  }
  return double(kRows * kColumns * kDepth) / best * 1e-9;
}

}  // namespace

Status measure_peak(const octavo_kernels* kernels, PeakRates* rates) {
  const float one = 1;
  const int32_t zero = 0;
  Buffer codes(kColumns * kDepth), a(kRows * kDepth * sizeof(float)), c(kRows * kColumns * sizeof(float));
  Buffer panels(f32_panel_floats(kColumns, kDepth) * sizeof(float)), scratch(kernels->gemm_u8s8_scratch(kDepth));
  if (!codes.data() || !a.data() || !c.data() || !panels.data() || !scratch.data()) return fail(Code::OutOfMemory, "no memory to measure");
  memset(codes.data(), 3, codes.bytes());
  memset(a.data(), 0, a.bytes());
  memset(panels.data(), 0, panels.bytes());
  std::shared_ptr<PackedWeight> weight;
  const Int8Weight linear = {codes.as<int8_t>(), 1, kColumns, kDepth, 1, &one, &zero, false, nullptr};
  const Status packed = pack_s8(kernels, linear, ConvGeometry(), &weight);
  if (!packed.ok()) return packed;

  float scales[kRows];
  int32_t zeros[kRows] = {0};
  for (float& scale : scales) scale = 1;
  const octavo_gemm_u8s8 int8 = {kRows, kColumns, kDepth, a.data(), kDepth, scales, zeros, weight->panels.as<int8_t>(),
                                 weight->scales.as<float>(), weight->sums.as<int32_t>(), nullptr, c.as<float>(), kColumns, OCTAVO_ACT_NONE,
                                 scratch.data(), weight->has_zeros ? zeros : nullptr,
                                 weight->has_zeros ? weight->zeros.as<int32_t>() : nullptr, weight->splits.get(), 0};
  const octavo_gemm_f32 float32 = {kRows, kColumns, kDepth, a.as<float>(), kDepth, panels.as<float>(), c.as<float>(), kColumns, nullptr, OCTAVO_ACT_NONE};
  rates->int8 = best_rate([&] { kernels->gemm_u8s8(&int8); });
  rates->float32 = best_rate([&] { kernels->gemm_f32(&float32); });
  return {};
}

}  // namespace octavo

// How fast the GEMMs of a table run here, for `doctor`.
#pragma once
#include "../include/octavo_kernels.h"
#include "status.h"

namespace octavo {

// Multiplications with an addition a second, in 10^9, on one thread with all operands in caches.
struct PeakRates {
  double float32, int8;
};

// Runs each GEMM for about 20 ms and takes the best call.
Status measure_peak(const octavo_kernels* kernels, PeakRates* rates);

}  // namespace octavo

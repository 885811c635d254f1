#include "cpu.h"

#include <string.h>

namespace octavo {
namespace {

bool always() { return true; }

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512vnni() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}
#endif

// Every instruction set of this build, worst first: the one list that dispatch, doctor and tests read.
struct Level {
  const char* name;
  const octavo_kernels* (*kernels)();
  bool (*supported)();
};
const Level kLevels[] = {
    {"scalar", octavo_kernels_scalar, always},
#if defined(__x86_64__)
    {"avx2", octavo_kernels_avx2, has_avx2},
    {"avx512vnni", octavo_kernels_avx512vnni, has_avx512vnni},
#endif
};

}  // namespace

size_t supported_kernels(const octavo_kernels* tables[8]) {
  size_t count = 0;
  for (const Level& level : kLevels) {
    if (level.supported()) tables[count++] = level.kernels();
  }
  return count;
}

size_t known_isas(const char* names[8]) {
  size_t count = 0;
  for (const Level& level : kLevels) names[count++] = level.name;
  return count;
}

const octavo_kernels* choose_kernels(const char* cap) {
  const octavo_kernels* best = nullptr;
  for (const Level& level : kLevels) {
    if (level.supported()) best = level.kernels();
    if (cap != nullptr && strcmp(cap, level.name) == 0) return best;
  }
  return cap == nullptr ? best : nullptr;
}

}  // namespace octavo

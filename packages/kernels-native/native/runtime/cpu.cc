#include "cpu.h"

#include <string.h>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace octavo {
namespace {

bool always() { return true; }

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512vnni() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}
#elif defined(__aarch64__)
#if defined(__APPLE__)
bool has_feature(const char* name) {
  int value = 0;
  size_t size = sizeof(value);
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
bool has_neondot() { return has_feature("hw.optional.arm.FEAT_DotProd"); }
bool has_neoni8mm() { return has_neondot() && has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__linux__)
// HWCAP_ASIMDDP and HWCAP2_I8MM of <asm/hwcap.h>, which older headers lack.
bool has_neondot() { return getauxval(AT_HWCAP) >> 20 & 1; }
bool has_neoni8mm() { return has_neondot() && getauxval(AT_HWCAP2) >> 13 & 1; }
#else
bool has_neondot() { return false; }
bool has_neoni8mm() { return false; }
#endif
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
#elif defined(__aarch64__)
    {"neon", octavo_kernels_neon, always},
    {"neondot", octavo_kernels_neondot, has_neondot},
    {"neoni8mm", octavo_kernels_neoni8mm, has_neoni8mm},
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

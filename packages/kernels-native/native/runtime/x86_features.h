// Extensions of an x86-64 CPU that the system lets programs use, from cpuid and xgetbv. `__builtin_cpu_supports` would do,
// but the run-time library of Zig, which compiles prebuilt binaries, answers it with no for everything.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#include <string.h>

namespace octavo {

struct X86Feature {
  const char* name;
  unsigned leaf, subleaf;
  int reg, bit;    // reg: 0 to 3 for eax, ebx, ecx, edx
  uint64_t state;  // bits of XCR0: registers that the system must keep
};

constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
// Intel's Software Developer's Manual, volume 2, CPUID; worst first, as `doctor` lists them.
constexpr X86Feature kX86Features[] = {
    {"avx", 1, 0, 2, 28, kYmm},        {"fma", 1, 0, 2, 12, kYmm},        {"f16c", 1, 0, 2, 29, kYmm},
    {"avx2", 7, 0, 1, 5, kYmm},        {"avxvnni", 7, 1, 0, 4, kYmm},     {"avx512f", 7, 0, 1, 16, kZmm},
    {"avx512bw", 7, 0, 1, 30, kZmm},   {"avx512dq", 7, 0, 1, 17, kZmm},   {"avx512vl", 7, 0, 1, 31, kZmm},
    {"avx512vnni", 7, 0, 2, 11, kZmm}, {"avx512bf16", 7, 1, 0, 5, kZmm},  {"amx-tile", 7, 0, 3, 24, kTiles},
    {"amx-int8", 7, 0, 3, 25, kTiles},
};

inline bool x86_has(const X86Feature& feature) {
  unsigned basic[4], own[4], low, high;
  if (!__get_cpuid(1, &basic[0], &basic[1], &basic[2], &basic[3]) || !(basic[2] >> 27 & 1)) return false;  // no xgetbv
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if (((uint64_t(high) << 32 | low) & feature.state) != feature.state) return false;
  // A leaf's first subleaf tells how many more it has.
  if (feature.subleaf != 0 && (!__get_cpuid_count(feature.leaf, 0, &own[0], &own[1], &own[2], &own[3]) || own[0] < feature.subleaf)) return false;
  return __get_cpuid_count(feature.leaf, feature.subleaf, &own[0], &own[1], &own[2], &own[3]) && (own[feature.reg] >> feature.bit & 1);
}

// False for a name that is not in the table.
inline bool x86_has(const char* name) {
  for (const X86Feature& feature : kX86Features) {
    if (strcmp(feature.name, name) == 0) return x86_has(feature);
  }
  return false;
}

}  // namespace octavo
#endif

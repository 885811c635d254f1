#include "cpu.h"

#include "x86_features.h"

#include <string.h>
#if defined(__x86_64__)
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace octavo {
namespace {

const char* nothing() { return nullptr; }

#if defined(__x86_64__)
const char* missing_avx2() { return x86_has("avx2") && x86_has("fma") ? nullptr : "the CPU has no AVX2 with FMA"; }

#ifdef OCTAVO_EMULATED
// Kernels over native/test/emulated need of the CPU what they are compiled for.
const char* missing_avxvnni() { return missing_avx2(); }
const char* missing_avx512vnni() { return missing_avx2(); }
const char* missing_amx() { return missing_avx2(); }
#else
const char* missing_avxvnni() {
  if (const char* why = missing_avx2()) return why;
  return x86_has("avxvnni") ? nullptr : "the CPU has no AVX-VNNI";
}

const char* missing_avx512vnni() {
  if (const char* why = missing_avx2()) return why;
  return x86_has("avx512f") && x86_has("avx512bw") && x86_has("avx512vl") && x86_has("avx512dq") && x86_has("avx512vnni")
             ? nullptr
             : "the CPU has no AVX-512 VNNI";
}

// Linux lends the tile registers to a process that asks, for all of its threads (Documentation/arch/x86/xstate.rst); not
// to one with a thread whose sigaltstack is too small for them, and some sandboxes filter the call.
bool allowed_tiles() {
#if defined(__linux__)
  constexpr long kGetPermission = 0x1022, kRequestPermission = 0x1023, kTileData = 18;
  unsigned long granted = 0;
  syscall(SYS_arch_prctl, kRequestPermission, kTileData);
  return syscall(SYS_arch_prctl, kGetPermission, &granted) == 0 && (granted >> kTileData & 1) != 0;
#else
  return true;
#endif
}

const char* missing_amx() {
  if (!x86_has("amx-tile") || !x86_has("amx-int8")) return "the CPU has no AMX-int8, or the operating system does not keep its tiles";
  if (const char* why = missing_avx512vnni()) return why;
  static const bool allowed = allowed_tiles();
  return allowed ? nullptr : "Linux refused this process the AMX tiles (arch_prctl ARCH_REQ_XCOMP_PERM)";
}
#endif

// A table whose int8 products are its own and whose other kernels are another's.
template <const octavo_kernels* (*base)(), void (*put_products)(octavo_kernels*)> const octavo_kernels* with_products() {
  static const octavo_kernels table = [] {
    octavo_kernels own = *base();
    put_products(&own);
    return own;
  }();
  return &table;
}
#elif defined(__aarch64__)
#if defined(__APPLE__)
bool has_feature(const char* name) {
  int value = 0;
  size_t size = sizeof(value);
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
bool has_dotprod() { return has_feature("hw.optional.arm.FEAT_DotProd"); }
bool has_i8mm() { return has_feature("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__linux__)
// HWCAP_ASIMDDP and HWCAP2_I8MM of <asm/hwcap.h>, which older headers lack.
bool has_dotprod() { return getauxval(AT_HWCAP) >> 20 & 1; }
bool has_i8mm() { return getauxval(AT_HWCAP2) >> 13 & 1; }
#else
bool has_dotprod() { return false; }
bool has_i8mm() { return false; }
#endif

const char* missing_neondot() { return has_dotprod() ? nullptr : "the CPU has no dot product instructions"; }
const char* missing_neoni8mm() { return has_dotprod() && has_i8mm() ? nullptr : "the CPU has no I8MM"; }
#endif

// Every instruction set of this build, worst first: the one list that dispatch, doctor and tests read. A CPU may have one
// and lack another before it.
struct Level {
  const char* name;
  const octavo_kernels* (*kernels)();
  const char* (*missing)();  // what keeps it from running here, or nullptr
};
const Level kLevels[] = {
    {"scalar", octavo_kernels_scalar, nothing},
#if defined(__x86_64__)
    {"avx2", octavo_kernels_avx2, missing_avx2},
    {"avxvnni", with_products<octavo_kernels_avx2, octavo_kernels_avxvnni>, missing_avxvnni},
    {"avx512vnni", octavo_kernels_avx512vnni, missing_avx512vnni},
    {"amx", with_products<octavo_kernels_avx512vnni, octavo_kernels_amx>, missing_amx},
#elif defined(__aarch64__)
    {"neon", octavo_kernels_neon, nothing},
    {"neondot", octavo_kernels_neondot, missing_neondot},
    {"neoni8mm", octavo_kernels_neoni8mm, missing_neoni8mm},
#endif
};

}  // namespace

size_t supported_kernels(const octavo_kernels* tables[8]) {
  size_t count = 0;
  for (const Level& level : kLevels) {
    if (level.missing() == nullptr) tables[count++] = level.kernels();
  }
  return count;
}

size_t known_isas(Isa isas[8]) {
  size_t count = 0;
  for (const Level& level : kLevels) isas[count++] = {level.name, level.missing()};
  return count;
}

const octavo_kernels* choose_kernels(const char* cap) {
  const octavo_kernels* best = nullptr;
  for (const Level& level : kLevels) {
    if (level.missing() == nullptr) best = level.kernels();
    if (cap != nullptr && strcmp(cap, level.name) == 0) return best;
  }
  return cap == nullptr ? best : nullptr;
}

const octavo_kernels* kernels_of(const char* isa) {
  for (const Level& level : kLevels) {
    if (strcmp(isa, level.name) == 0) return level.kernels();
  }
  return nullptr;
}

}  // namespace octavo

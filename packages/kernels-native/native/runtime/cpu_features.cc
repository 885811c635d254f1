#include "cpu_features.h"

#include "x86_features.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace octavo {

#if defined(__x86_64__)
std::vector<std::string> cpu_features() {
  std::vector<std::string> names;
  for (const X86Feature& feature : kX86Features) {
    if (x86_has(feature)) names.push_back(feature.name);
  }
  return names;
}
#elif defined(__aarch64__)
std::vector<std::string> cpu_features() {
  std::vector<std::string> names = {"neon"};
  // Linux: word (AT_HWCAP or AT_HWCAP2) and bit of <asm/hwcap.h>; macOS: a name for sysctl.
  struct Feature {
    const char* name;
    unsigned long word;
    int bit;
    const char* sysctl;
  };
  static const Feature kFeatures[] = {
      {"fp16", 16, 10, "hw.optional.arm.FEAT_FP16"}, {"dotprod", 16, 20, "hw.optional.arm.FEAT_DotProd"},
      {"sve", 16, 22, nullptr},                      {"sve2", 26, 1, nullptr},
      {"i8mm", 26, 13, "hw.optional.arm.FEAT_I8MM"}, {"bf16", 26, 14, "hw.optional.arm.FEAT_BF16"},
  };
  for (const Feature& feature : kFeatures) {
    bool present = false;
#if defined(__linux__)
    present = getauxval(feature.word) >> feature.bit & 1;
#elif defined(__APPLE__)
    int value = 0;
    size_t size = sizeof(value);
    present = feature.sysctl && sysctlbyname(feature.sysctl, &value, &size, nullptr, 0) == 0 && value != 0;
#endif
    if (present) names.push_back(feature.name);
  }
  return names;
}
#else
std::vector<std::string> cpu_features() { return {}; }
#endif

}  // namespace octavo

// What the CPU has of the extensions that kernels use or could use, for `doctor`; dispatch asks `cpu.h`.
#pragma once
#include <string>
#include <vector>

namespace octavo {

// Names as compilers have them: "avx2", "fma"; "dotprod", "i8mm". Empty where the system does not tell.
std::vector<std::string> cpu_features();

}  // namespace octavo

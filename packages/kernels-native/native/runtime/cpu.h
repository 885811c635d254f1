// Which instruction sets this CPU and this build have, best last.
#pragma once
#include <stddef.h>

#include "../include/octavo_kernels.h"

namespace octavo {

// Tables that can run here, worst (scalar) first. Returns their number; `tables` takes up to 8.
size_t supported_kernels(const octavo_kernels* tables[8]);

// The names of all instruction sets of this build, worst first, whether or not this CPU has them.
size_t known_isas(const char* names[8]);

// The best table, or the best not above the one named `cap`; nullptr when `cap` names no known instruction set.
const octavo_kernels* choose_kernels(const char* cap);

}  // namespace octavo

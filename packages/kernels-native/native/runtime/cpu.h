// Which instruction sets this CPU and this build have, best last.
#pragma once
#include <stddef.h>

#include "../include/octavo_kernels.h"

namespace octavo {

struct Isa {
  const char* name;
  const char* missing;  // why it cannot run here: the CPU, the operating system or its permission; nullptr where it can
};

// Tables that can run here, worst (scalar) first. Returns their number; `tables` takes up to 8.
size_t supported_kernels(const octavo_kernels* tables[8]);

// All instruction sets of this build, worst first, whether or not this CPU has them.
size_t known_isas(Isa isas[8]);

// The best table, or the best not above the one named `cap`; nullptr when `cap` names no known instruction set.
const octavo_kernels* choose_kernels(const char* cap);

// The table of this name, for tests that emulate what this CPU lacks: making one may already run its instructions.
const octavo_kernels* kernels_of(const char* isa);

}  // namespace octavo

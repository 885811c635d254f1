// The test of static integer kernels and of the convolutions over them, against their formulas.
#pragma once
#include <vector>

#include "../include/octavo_kernels.h"

struct ConvTest {
  const char* name;
  bool gemm;  // of the GEMM's file, else of the kernels over rows
  void (*run)(const octavo_kernels* table, uint64_t seed, size_t one_in);
};

const std::vector<ConvTest>& conv_tests();

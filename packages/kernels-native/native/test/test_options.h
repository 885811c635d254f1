// What the command line says of a run.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace {

struct Options {
  size_t one_in = 6;
  uint64_t seed = 1;
  std::vector<std::string> tables;  // or all
  const char* sources = nullptr;
  const char* expect = nullptr;
  uint32_t bits_step = 64007;  // between the bit patterns that unary functions are given
};
inline Options options;

}  // namespace

// Every table of kernels that this CPU runs against the scalar table, bit for bit, over all tails, with buffers that
// end and begin at pages which cannot be touched; and the scalar table against its formulas.
//
//   kernels_test [--long] [--one-in=N] [--seed=N] [--table=ISA]... [--sources=native/kernels] [--expect=ISA,ISA...]
//
// Kernels that a table has from another one are tested there. With --expect only one thing is tested: that this CPU runs
// exactly these tables. GEMM cases are all m, n and k up to two tiles and more; one in N of them is drawn from the seed, all
// with --long.
#include <string>

#include "../include/octavo_kernels.h"
#include "../runtime/cpu.h"
#include "check.h"
#include "code_kernels_test.h"
#include "conv_test.h"
#include "gemm_f32_test.h"
#include "gemm_u8s8_test.h"
#include "row_kernels_test.h"
#include "weight_splits_test.h"

namespace {

// The names in a table are those of the files that hold its kernels, its own or a lesser instruction set's.
void test_names(const octavo_kernels* table) {
  octavo::Isa isas[8];
  const size_t count = octavo::known_isas(isas);
  for (const char* name : {table->gemm_f32_name, table->gemm_u8s8_name}) {
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
      const std::string path = std::string(options.sources) + "/" + isas[i].name + "/" + name + ".h";
      FILE* file = fopen(path.c_str(), "r");
      found = file != nullptr;
      if (found) fclose(file);
      if (strcmp(isas[i].name, table->isa) == 0) break;
    }
    if (!check::expect(found)) printf("  there is no %s.h\n", name);
  }
}

// That dispatch offers what this CPU has, and the best of it where nothing caps it.
void test_dispatch(const octavo_kernels* const* tables, size_t count) {
  std::string names;
  for (size_t i = 0; i < count; i++) names += std::string(i == 0 ? "" : ",") + tables[i]->isa;
  if (!check::expect(names == options.expect)) printf("  this CPU runs %s, expected %s\n", names.c_str(), options.expect);
  check::expect(octavo::choose_kernels(nullptr) == tables[count - 1]);
  for (size_t i = 0; i < count; i++) check::expect(octavo::choose_kernels(tables[i]->isa) == tables[i]);
}

// `tested`: a table whose kernels were tested, or nullptr; the table has all but its int8 products from it.
void test_table(const octavo_kernels* table, const octavo_kernels* scalar, const octavo_kernels* tested) {
  const auto run = [&](const char* kernel, const char* name, auto test) {
    check::group(kernel, name, options.seed, [&] { test(table, scalar); });
  };
  const auto alone = [&](const char* kernel, const char* name, auto test) {
    check::group(kernel, name, options.seed, [&] { test(table); });
  };
  const std::string rows = std::string("rows__") + table->isa;
  if (options.sources) alone(table->isa, "names are files", test_names);
  if (!tested) {
    run(table->gemm_f32_name, "all tails", test_gemm_f32);
    run(table->gemm_f32_name, "many rows", test_gemm_f32_rows);
    alone(table->gemm_f32_name, "formula", test_gemm_f32_formula);
    run(table->gemm_f32_name, "over codes of 8 and 4 bits", test_gemm_f32_codes);
  }
  run(table->gemm_u8s8_name, "all tails", test_gemm_u8s8);
  run(table->gemm_u8s8_name, "many rows", test_gemm_u8s8_rows);
  alone(table->gemm_u8s8_name, "formula, every zero point", test_gemm_u8s8_zero_points);
  if (table->u8s8_splits) {
    alone(table->gemm_u8s8_name, "weights taken apart", test_weight_splits);
    alone(table->gemm_u8s8_name, "formula, weights taken apart", test_gemm_u8s8_splits);
  }
  for (const ConvTest& test : conv_tests()) {
    if (tested && !test.gemm) continue;
    check::group(test.gemm ? table->gemm_u8s8_name : rows.c_str(), test.name, options.seed, [&] { test.run(table, options.seed, options.one_in); });
  }
#ifdef OCTAVO_EMULATED
  if (strcmp(table->isa, "amx") == 0) alone(table->gemm_u8s8_name, "tiles left as found", test_tiles_kept);
#endif
  if (tested) return;
  run(rows.c_str(), "unary", test_unary);
  run(rows.c_str(), "binary", test_binary);
  run(rows.c_str(), "activation", test_activation);
  run(rows.c_str(), "affine", test_affine);
  run(rows.c_str(), "recurrent_step", test_recurrent_step);
  run(rows.c_str(), "softmax", test_softmax);
  run(rows.c_str(), "layer_norm", test_layer_norm);
  run(rows.c_str(), "finite_range", test_finite_range);
  run(rows.c_str(), "quantize_fma", test_quantize);
  const std::string codes = std::string("codes__") + table->isa;
  run(codes.c_str(), "look_up", code_kernels::test_look_up);
  run(codes.c_str(), "add, mul", code_kernels::test_add_and_mul);
  run(codes.c_str(), "max", code_kernels::test_max);
  run(codes.c_str(), "sums", code_kernels::test_sums);
  run(codes.c_str(), "quantize, dequantize", code_kernels::test_quantize);
  run(codes.c_str(), "affine, normalize", code_kernels::test_norms);
  run(codes.c_str(), "add_scaled", code_kernels::test_add_scaled);
  run(codes.c_str(), "interpolate", code_kernels::test_interpolate);
}

void read_options(int count, char** arguments) {
  for (int i = 1; i < count; i++) {
    const char* argument = arguments[i];
    if (strcmp(argument, "--long") == 0) options.one_in = 1, options.bits_step = 257;
    else if (strncmp(argument, "--one-in=", 9) == 0) options.one_in = strtoull(argument + 9, nullptr, 10);
    else if (strncmp(argument, "--seed=", 7) == 0) options.seed = strtoull(argument + 7, nullptr, 10);
    else if (strncmp(argument, "--table=", 8) == 0) options.tables.push_back(argument + 8);
    else if (strncmp(argument, "--sources=", 10) == 0) options.sources = argument + 10;
    else if (strncmp(argument, "--expect=", 9) == 0) options.expect = argument + 9;
    else {
      fprintf(stderr, "unknown option %s\n", argument);
      exit(2);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  read_options(count, arguments);
  check::report_crashes();
  const octavo_kernels* tables[8];
  size_t table_count = octavo::supported_kernels(tables);
#ifdef OCTAVO_EMULATED
  // All that are not plain C++ or AVX2 are compiled from the same source for any CPU; see `emulated/immintrin.h`.
  octavo::Isa isas[8];
  table_count = octavo::known_isas(isas);
  for (size_t i = 0; i < table_count; i++) tables[i] = octavo::kernels_of(isas[i].name);
#endif
  if (options.expect) check::group("dispatch", options.expect, options.seed, [&] { test_dispatch(tables, table_count); });
  const auto same_but_products = [](const octavo_kernels* a, const octavo_kernels* b) {
    return a->gemm_f32 == b->gemm_f32 && a->depthwise_u8s8 == b->depthwise_u8s8 && a->codes == b->codes && a->unary == b->unary;
  };
  for (size_t i = 0; i < table_count && !options.expect; i++) {
    const octavo_kernels* tested = nullptr;
    for (size_t j = 0; j < i; j++) tested = same_but_products(tables[i], tables[j]) ? tables[j] : tested;
    bool wanted = options.tables.empty();
    for (const std::string& name : options.tables) wanted = wanted || name == tables[i]->isa;
    if (wanted) test_table(tables[i], tables[0], tested);
  }
  printf("%zu passed, %zu failed\n", check::groups_passed, check::groups_failed);
  return check::groups_failed == 0 && check::groups_passed != 0 ? 0 : 1;
}

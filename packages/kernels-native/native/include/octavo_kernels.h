// The C ABI of the kernels: what one instruction set implements. No Node, no C++ library, no exceptions; sizes are
// size_t in elements; pointers may have any alignment unless said. Kernels trust their arguments: `ops/` checks them.
//
// Float contract (docs/numerics.md): dot products are one FMA chain in ascending k from +0; sums use 16 lanes and a
// fixed fold; exp, erf, tanh, sin, cos are `simd/elementary.h`. Every table gives the same bits.
#ifndef OCTAVO_KERNELS_H
#define OCTAVO_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Weight panels hold 16 columns each: panel p covers columns 16p to 16p + 15, zero-padded.
#define OCTAVO_PANEL 16
// Rows of A that one call of a GEMM takes at most; `ops/` walks larger matrices in blocks of it.
#define OCTAVO_GEMM_ROWS 96

typedef enum {
  OCTAVO_ACT_NONE = 0, OCTAVO_ACT_RELU = 1, OCTAVO_ACT_GELU = 2, OCTAVO_ACT_RELU6 = 3, OCTAVO_ACT_GELU_TANH = 4
} octavo_activation;

// C[m, n] = activation(A[m, k] B[k, n] + bias), or activation(fma(A B + bias, alpha, beta)). B as float panels
// [n / 16][k][16].
typedef struct {
  size_t m, n, k;  // m <= OCTAVO_GEMM_ROWS
  const float* a;
  size_t lda;
  const float* b;
  float* c;
  size_t ldc;
  const float* bias;  // n values, or NULL
  octavo_activation activation;
  const float *alpha, *beta;  // n values each, or NULL both
} octavo_gemm_f32;

// C[m, n] = activation(A[m, k] W + bias) as `octavo_gemm_f32`, over weights W[k][n] = f((code - zero) * scale) with a zero
// and a scale for every `group` values of k of a column. They are unpacked in registers, or a K block at a time into L1.
typedef struct {
  size_t m, n, k;  // m <= OCTAVO_GEMM_ROWS
  const float* a;
  size_t lda;
  size_t bits;           // 8 or 4
  const uint8_t* codes;  // [n / 16][k * bits / 32, rounded up][16] words of 32 bits, the first code lowest
  size_t group, groups;  // values of k that share a scale, and how many such groups k has, the last may be shorter
  const float* scales;   // [n / 16][groups][16], zero-padded
  const uint8_t* zeros;  // the same
  int prescalable;       // scale * 2^-24 is exact for every scale
  const float* bias;     // n values, or NULL
  float* c;
  size_t ldc;
  octavo_activation activation;
} octavo_gemm_f32_codes;

// Int8 weights taken apart, w = kept + rest, so that sums of a few products of kept weights with codes up to a limit fit 16
// bits; the rests, which are few, are multiplied on their own. Panels hold w.
#define OCTAVO_SPLIT_K 512
// Four rests of a column, some of which may be 0. Products of the first two with codes of 8 bits, added, fit 16 bits, and so do
// those of the last two.
typedef struct {
  uint16_t k[4];
  int8_t rests[4];
} octavo_rests;
typedef struct {
  size_t groups;       // of four k whose products a sum of 16 bits takes: 1 or 2
  size_t blocks;       // of OCTAVO_SPLIT_K k
  // Where the rests of each [panel][block][column] begin, and where the last ones end.
  const uint32_t* first;
  const octavo_rests* rests;
} octavo_split;

// How a weight is best taken apart for codes of at most 7 or 8 bits, or NULL where whole weights are quicker, or were too
// little used so far. Any thread may ask.
typedef struct octavo_splits octavo_splits;
struct octavo_splits {
  const octavo_split* (*get)(const octavo_splits*, size_t code_bits);
};

// C[m, n] = activation(fma(float(acc), a_scales[row] * b_scales[column], bias)), where
// acc = sum of (A code - A zero) * (B code - B zero), exact int32, computed as
// sum of A codes * B codes - a_zeros[row] * b_sums[column] - a_sums[row] * b_zeros[column].
// B as the table's own int8 panels.
typedef struct {
  size_t m, n, k;  // m <= OCTAVO_GEMM_ROWS
  const uint8_t* a;
  size_t lda;
  const float* a_scales;   // m values
  const int32_t* a_zeros;  // m values
  const int8_t* b;
  const float* b_scales;  // n values, padded to whole panels
  const int32_t* b_sums;  // sums of (B code - B zero) of n columns, padded to whole panels
  const float* bias;      // n values padded to whole panels, or NULL: the product is then not fused
  float* c;
  size_t ldc;
  octavo_activation activation;
  void* scratch;  // `gemm_u8s8_scratch(k)` bytes, 64-byte aligned
  // Asymmetric weights only, else NULL both: sums of A codes of m rows, zero points of n columns padded to whole panels.
  const int32_t* a_sums;
  const int32_t* b_zeros;
  // Of a weight that many calls share, and which of its panels `b` begins with; or NULL.
  const octavo_splits* splits;
  size_t first_panel;
} octavo_gemm_u8s8;

// How exact int32 sums become codes of 8 bits, as core's `numerics/requantize.ts` defines. For column j, in float32:
// t = float(acc), float(acc) + biases[j], or fma(biases[j], *reciprocal, float(acc)) where there is a reciprocal;
// code = clamp(rint32(t * multipliers[j]) + zero, low, high), where rint32 gives -2^31 for NaN and what does not fit.
typedef struct {
  const int32_t* offsets;    // added to the sums of products of codes: -(A zero) * b_sums
  const float* multipliers;  // as the others, n values padded to whole panels
  const float* biases;       // or NULL
  const float* reciprocal;   // or NULL
  int32_t zero, low, high;   // 0 <= low <= high <= 255
} octavo_requantize;

// C[m, n] = codes of the sums of A codes * (B code - b_zeros[column]). A row of A lies in place, or is gathered: the
// runs that pointers lead to, one behind the other, as the pixels under a convolution's kernel.
typedef struct {
  size_t m, n, k;  // m <= OCTAVO_GEMM_ROWS
  const uint8_t* a;
  size_t lda;
  const uint8_t* const* runs;      // m * (k / run) pointers, or NULL: `a` and `lda` then say where rows lie
  size_t run, run_offset;          // codes of a run, and from its pointer to the first of them
  const int8_t* b;
  const int32_t* b_zeros;          // n values padded to whole panels, or NULL: they are 0
  octavo_requantize requantize;
  uint8_t* c;
  size_t ldc;
  void* scratch;  // `gemm_u8s8_scratch(k)` bytes, 64-byte aligned
  const octavo_splits* splits;  // as octavo_gemm_u8s8
  size_t first_panel;
} octavo_gemm_u8s8_codes;

// `rows` times `width` output positions and the taps of each: the pixel under tap t of position i of row r is
// pixels[r * pitch + i * step + tap_at[t]]. Neighbours share pointers, which may lead anywhere.
typedef struct {
  size_t rows, width, taps;
  size_t pitch, step;
  const size_t* tap_at;
} octavo_taps;

// C[rows * width, channels] = codes of the sums over taps of pixel code * weight, each channel for itself.
typedef struct {
  octavo_taps at;
  size_t channels;
  const uint8_t* const* pixels;  // to `channels` codes each
  const int16_t* weights;        // [channels / 16][taps / 2][16][2]: weight code - weight zero, both padded with zeros
  octavo_requantize requantize;
  uint8_t* c;
  size_t ldc;
} octavo_depthwise_u8s8;

// C[rows * width, channels] = activation(sum over taps of pixel * weight + bias), each channel one FMA chain over the taps from +0;
// alpha and beta as those of `octavo_gemm_f32`.
typedef struct {
  octavo_taps at;
  size_t channels;
  const float* const* pixels;  // to `channels` values each
  const float* weights;        // [channels / 16][taps][16], zero-padded
  const float* bias;           // `channels` values, or NULL
  float* c;
  size_t ldc;
  octavo_activation activation;
  const float *alpha, *beta;   // `channels` values each, or NULL both
} octavo_depthwise_f32;

// Element-wise functions of one float operand. The values are this ABI's own.
typedef enum {
  OCTAVO_UNARY_GELU, OCTAVO_UNARY_RELU, OCTAVO_UNARY_TANH, OCTAVO_UNARY_SIGMOID,
  OCTAVO_UNARY_ERF, OCTAVO_UNARY_EXP, OCTAVO_UNARY_SQRT, OCTAVO_UNARY_NEG,
  OCTAVO_UNARY_SIN, OCTAVO_UNARY_COS, OCTAVO_UNARY_GELU_TANH, OCTAVO_UNARY_COUNT
} octavo_unary;

typedef enum { OCTAVO_BINARY_ADD, OCTAVO_BINARY_SUB, OCTAVO_BINARY_MUL, OCTAVO_BINARY_DIV } octavo_binary;

// Activations with up to two parameters. The values are this ABI's own.
typedef enum {
  OCTAVO_ACTIVATION_CLAMP,      // x limited to [p0, p1]
  OCTAVO_ACTIVATION_HARDSWISH,  // x min(max(x + 3, 0), 6) / 6
  OCTAVO_ACTIVATION_HARDSIGMOID,
  OCTAVO_ACTIVATION_ELU,         // x < 0 ? (exp(x p1) - 1) p0 : x
  OCTAVO_ACTIVATION_LEAKY_RELU,  // x > 0 ? x : x p0
  OCTAVO_ACTIVATION_SILU,        // x / (1 + exp(-x))
  OCTAVO_ACTIVATION_COUNT
} octavo_activation_function;

// A step of one row of an LSTM, a GRU or a plain RNN. Gates lie in blocks of 16 units, [units / 16][gates][16], the last one padded:
// i, f, g, o or r, z, n or the one sum of 16 units side by side, as panels of interleaved weights give them.
typedef enum { OCTAVO_CELL_LSTM, OCTAVO_CELL_GRU, OCTAVO_CELL_RNN_TANH, OCTAVO_CELL_RNN_RELU, OCTAVO_CELL_COUNT } octavo_cell;
typedef struct {
  octavo_cell cell;
  size_t units;
  const float *ih, *hh;  // gates of the input's product and of h's, both with their biases
  float* c;              // LSTM: `units` values, before and after; else NULL
  float* h;              // `units` values after the step; GRU: before it as well
  float low, high;       // widened to the finite values of h after the step
} octavo_recurrent_step;

// Kernels over 8-bit codes: `octavo_code_kernels.h`.
typedef struct octavo_code_kernels octavo_code_kernels;

typedef struct {
  const char* isa;
  const char* gemm_f32_name;
  const char* gemm_u8s8_name;
  void (*gemm_f32)(const octavo_gemm_f32*);
  void (*gemm_u8s8)(const octavo_gemm_u8s8*);
  // K values that lie together for one column in an int8 panel, and the multiple that K is padded to (with zeros).
  size_t u8s8_group, u8s8_k_multiple;
  size_t (*gemm_u8s8_scratch)(size_t k);
  void (*gemm_u8s8_codes)(const octavo_gemm_u8s8_codes*);
  void (*depthwise_u8s8)(const octavo_depthwise_u8s8*);
  void (*depthwise_f32)(const octavo_depthwise_f32*);

  void (*unary)(octavo_unary fn, const float* x, float* y, size_t n);
  // y[i] = a[i * a_step] fn b[i * b_step]; steps are 0 or 1.
  void (*binary)(octavo_binary fn, const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t n);
  // scores = softmax(scores * scale + mask) in place; mask may be NULL (scale is then still applied), or one value
  // repeated where mask_step is 0.
  void (*softmax)(float* x, size_t n, float scale, const float* mask, size_t mask_step);
  // Plain softmax of a row, in place: no scale, no mask.
  void (*softmax_plain)(float* x, size_t n);
  void (*layer_norm)(const float* x, size_t n, const float* weight, const float* bias, float eps, float* y);
  // Smallest and largest finite value, 0 included.
  void (*finite_range)(const float* x, size_t n, float* min, float* max);
  // code = clamp(rint(fma(x, inverse, zero)), 0, 255); a NaN product becomes zero.
  void (*quantize_fma)(const float* x, size_t n, float inverse, float zero, uint8_t* codes);
  const octavo_code_kernels* codes;
  void (*activation)(octavo_activation_function fn, const float* parameters, const float* x, float* y, size_t n);
  // y = fma(x, alpha, beta); alpha and beta have one value an element (step 1) or one for all (step 0). y may be x.
  void (*affine)(const float* x, const float* alpha, const float* beta, size_t step, float* y, size_t n);
  void (*recurrent_step)(octavo_recurrent_step*);
  // 0, or 0x80 where int8 panels hold weight codes + 128 as unsigned bytes. Zero points of columns are then 128 more, and
  // every weight has some (`b_zeros`, `a_sums`).
  uint8_t u8s8_flip;
  void (*gemm_f32_codes)(const octavo_gemm_f32_codes*);
  // Whether int8 products are quicker over weights that are taken apart.
  int u8s8_splits;
} octavo_kernels;

const octavo_kernels* octavo_kernels_scalar(void);
const octavo_kernels* octavo_kernels_avx2(void);
const octavo_kernels* octavo_kernels_avx512vnni(void);
const octavo_kernels* octavo_kernels_neon(void);
const octavo_kernels* octavo_kernels_neondot(void);
const octavo_kernels* octavo_kernels_neoni8mm(void);
// These put int8 products of their own, with their name, panels and scratch, into a copy of another table.
void octavo_kernels_avxvnni(octavo_kernels* avx2);
void octavo_kernels_amx(octavo_kernels* avx512vnni);

#ifdef __cplusplus
}
#endif
#endif

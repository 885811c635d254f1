// The C ABI of the kernels over 8-bit codes, one table for each instruction set (`octavo_kernels.codes`).
//
// Codes are bytes. XOR with `flip` makes them unsigned: 0 for uint8, 0x80 for int8, where it adds 128. Zero points and
// limits are those of the unsigned codes, so that differences and results do not depend on the dtype.
#ifndef OCTAVO_CODE_KERNELS_H
#define OCTAVO_CODE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// How a float t becomes a code: clamp(zero + rint(t * multiplier), low, high); a NaN product becomes zero.
typedef struct {
  float multiplier;
  int32_t zero, low, high;
  uint8_t flip;
} octavo_to_codes;

// Codes that stand for scale * (code - zero), a row of them (step 1) or one that repeats (step 0).
typedef struct {
  const uint8_t* codes;
  size_t step;
  float scale;
  int32_t zero;
} octavo_code_row;

struct octavo_code_kernels {
  // y[i] = table[x[i]], bytes as they are; y may be x.
  void (*look_up)(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n);
  // to(f(scale * (a - zero)) + f(scale * (b - zero))); float32 after every operation.
  void (*add)(octavo_code_row a, octavo_code_row b, const octavo_to_codes* to, uint8_t* y, size_t n);
  // to(f((a - zero) * (b - zero))); the scales are in to's multiplier.
  void (*mul)(octavo_code_row a, octavo_code_row b, const octavo_to_codes* to, uint8_t* y, size_t n);
  // y[i] = max(y[i], x[i]) of codes.
  void (*max)(uint8_t flip, const uint8_t* x, uint8_t* y, size_t n);
  // sums[i] += x[i], unsigned codes.
  void (*add_to_sums)(uint8_t flip, const uint8_t* x, int32_t* sums, size_t n);
  // to(f(sums[i] - offset)).
  void (*quantize_sums)(const int32_t* sums, int32_t offset, const octavo_to_codes* to, uint8_t* y, size_t n);
  void (*quantize)(const float* x, const octavo_to_codes* to, uint8_t* y, size_t n);
  void (*dequantize)(octavo_code_row x, uint8_t flip, float* y, size_t n);
  // to(fma(alpha, x - zero, beta)); alpha and beta have one value an element (step 1) or one for all (step 0).
  void (*affine)(octavo_code_row x, const float* alpha, const float* beta, size_t step, const octavo_to_codes* to, uint8_t* y, size_t n);
  // to(fma(f(f(x - zero - center) * rate), weight, bias)); center and rate are one for all, weight and bias by their step.
  void (*normalize)(octavo_code_row x, float center, float rate, const float* weight, const float* bias, size_t step,
                    const octavo_to_codes* to, uint8_t* y, size_t n);
  // y[i] = fma(codes[i], scale, sums[i] + bias), or fma(codes[i], scale, bias) without sums; y may be sums.
  void (*add_scaled)(const uint8_t* codes, float scale, float bias, const float* sums, float* y, size_t n);
  // Bilinear interpolation between four rows of codes p00, p01, p10, p11 of true value code - shift, weights in float32
  // rounded after every operation: to(h0 (w0 p00 + w1 p01) + h1 (w0 p10 + w1 p11) - (zero - shift)).
  void (*interpolate)(const uint8_t* const p[4], const float w[2], const float h[2], int32_t shift, const octavo_to_codes* to,
                      uint8_t* y, size_t n);
  // to(fma(scale, a - zero, fma(scale, b - zero, offset))).
  void (*add_linear)(octavo_code_row a, octavo_code_row b, float offset, const octavo_to_codes* to, uint8_t* y, size_t n);
};

#endif

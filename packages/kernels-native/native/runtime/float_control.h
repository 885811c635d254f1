// Native entry sets round-to-nearest without flushing of subnormals, whatever other addons left, and restores it.
#pragma once
#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif
#include <stdint.h>

namespace octavo {

class FloatControl {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  FloatControl() : before_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
  ~FloatControl() { _mm_setcsr(before_); }
#elif defined(__aarch64__)
  FloatControl() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before_));
    __asm__ volatile("msr fpcr, %0" ::"r"(uint64_t(0)));
  }
  ~FloatControl() { __asm__ volatile("msr fpcr, %0" ::"r"(before_)); }
#endif
  FloatControl(const FloatControl&) = delete;
  FloatControl& operator=(const FloatControl&) = delete;

 private:
#if defined(__aarch64__)
  uint64_t before_;
#else
  unsigned before_ = 0;
#endif
};

}  // namespace octavo

// What the kernels' test stands on: seeded values, buffers between guard pages, and failures that say where.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vector>

namespace check {

// SplitMix64: the same values on every machine, from any seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return static_cast<size_t>((next() >> 32) * n >> 32); }
  bool one_in(size_t n) { return below(n) == 0; }
  float uniform(float low, float high) { return low + (high - low) * static_cast<float>(next() >> 40) * 0x1p-24f; }
  // Both signs and many magnitudes, so that another order of additions shows in the bits.
  float wide() { return ldexpf(uniform(-1, 1), static_cast<int>(below(24)) - 12); }

 private:
  uint64_t state_;
};

inline float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}
inline uint32_t to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

// What float code gets wrong: signed zeros, subnormals, limits of exp and of our polynomials' pieces, ties, NaN.
inline float special(Random& random) {
  static const float values[] = {
      0.0f, 1.0f, 0.5f, 1.5f, 2.5f, 126.5f, 127.5f, 254.5f, 255.0f, 255.5f, 0x1p-149f, 0x1.fffffcp-127f, 0x1p-126f,
      0x1.fffffep127f, 0x1p31f, 0x1.fffffep30f, 88.72283f, 88.72284f, 88.8f, 89.0f, 89.1f, 87.33655f, 103.27893f,
      103.97208f, 103.97209f, 104.0f, 104.1f, 0.625f, 0.62500006f, 0.927734375f, 0.9277344f, 1.3120137f, 4.0f, 4.1f,
      5.6568542f, 9.0f, 20.0f, HUGE_VALF, HUGE_VALF, NAN};
  const float x = values[random.below(sizeof(values) / sizeof(values[0]))];
  return random.one_in(2) ? -x : x;
}

// The whole range of bit patterns, the range where the functions bend, or what is special.
inline float any_float(Random& random) {
  switch (random.below(4)) {
    case 0: return from_bits(static_cast<uint32_t>(random.next() >> 32));
    case 1: return special(random);
    default: return random.uniform(-10, 10);
  }
}

// Memory between two pages that cannot be touched.
class Guarded {
 public:
  explicit Guarded(size_t capacity) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    capacity_ = (capacity + page - 1) / page * page;
    mapped_ = capacity_ + 2 * page;
    void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    start_ = static_cast<uint8_t*>(memory) + page;
    if (mprotect(start_ - page, page, PROT_NONE) != 0 || mprotect(start_ + capacity_, page, PROT_NONE) != 0) abort();
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(start_ - (mapped_ - capacity_) / 2, mapped_); }

  // Room for `count` values that ends where the page behind begins, or begins where the page before ends.
  template <class T> T* place(size_t count, Random& random) {
    const size_t bytes = count * sizeof(T);
    if (bytes > capacity_) abort();
    return reinterpret_cast<T*>(random.one_in(4) ? start_ : start_ + capacity_ - bytes);
  }
  template <class T> T* copy(const T* values, size_t count, Random& random) {
    T* to = place<T>(count, random);
    if (count != 0) memcpy(to, values, count * sizeof(T));
    return to;
  }
  // With an old value in it that no kernel may let through.
  template <class T> T* fresh(size_t count, Random& random) {
    T* to = place<T>(count, random);
    if (count != 0) memset(to, 0xA5, count * sizeof(T));
    return to;
  }

 private:
  uint8_t* start_;
  size_t capacity_, mapped_;
};

// What runs now, for the text of a failure or a crash: `format` takes the eight `dims` as %zu.
struct Where {
  const char* kernel = "";
  const char* format = "";
  uint64_t seed = 0;
  size_t dims[8] = {};
};
inline Where where;
inline size_t checks = 0, failures = 0;  // of the group that runs now
inline size_t groups_passed = 0, groups_failed = 0;

inline void at(const char* format, size_t a = 0, size_t b = 0, size_t c = 0, size_t d = 0, size_t e = 0, size_t f = 0,
               size_t g = 0, size_t h = 0) {
  where.format = format;
  const size_t dims[8] = {a, b, c, d, e, f, g, h};
  memcpy(where.dims, dims, sizeof(dims));
}

inline void print_where(FILE* out) {
  const size_t* d = where.dims;
  fprintf(out, "%s (seed %llu): ", where.kernel, static_cast<unsigned long long>(where.seed));
  fprintf(out, where.format, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

// Counts a check; the first failures of a group are printed.
inline bool expect(bool ok) {
  checks++;
  if (!ok && failures++ < 5) {
    print_where(stdout);
    printf("\n");
  }
  return ok;
}

inline bool same_float(float x, float y) { return to_bits(x) == to_bits(y) || (x != x && y != y); }

// Rows of `n` floats, bit for bit; NaN equals NaN.
inline void expect_floats(const char* name, const float* actual, size_t actual_step, const float* expected,
                          size_t expected_step, size_t m, size_t n) {
  for (size_t r = 0; r < m; r++) {
    const float* x = actual + r * actual_step;
    const float* y = expected + r * expected_step;
    if (n == 0 || memcmp(x, y, n * sizeof(float)) == 0) continue;
    for (size_t i = 0; i < n; i++) {
      if (same_float(x[i], y[i])) continue;
      if (!expect(false) && failures <= 5) {
        printf("  %s[%zu, %zu] is %.9g (%08x), expected %.9g (%08x)\n", name, r, i, static_cast<double>(x[i]),
               to_bits(x[i]), static_cast<double>(y[i]), to_bits(y[i]));
      }
      return;
    }
  }
  expect(true);
}

// Runs `body` as one group of checks about one kernel and prints a line on it.
template <class Body> void group(const char* kernel, const char* name, uint64_t seed, Body body) {
  where = {};
  where.kernel = kernel, where.seed = seed;
  checks = failures = 0;
  const clock_t start = clock();
  body();
  const double seconds = static_cast<double>(clock() - start) / CLOCKS_PER_SEC;
  printf("%-6s %-32s %-26s %8zu checks %7.2f s\n", failures == 0 ? "ok" : "FAILED", kernel, name, checks, seconds);
  fflush(stdout);
  (failures == 0 ? groups_passed : groups_failed)++;
}

inline void on_crash(int signal) {
  printf("crashed with signal %d in ", signal);
  print_where(stdout);
  printf("\n%zu passed, %zu failed\n", groups_passed, groups_failed + 1);
  fflush(stdout);
  _exit(1);
}

// A touched guard page, an instruction that the CPU lacks, a broken heap: each says which kernel ran.
inline void report_crashes() {
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) signal(number, on_crash);
}

}  // namespace check

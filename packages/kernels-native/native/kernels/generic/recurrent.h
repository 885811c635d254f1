// A step of an LSTM, a GRU or a plain RNN over the 16 lanes of `Simd`: all gates of 16 units at once, from sums to the next states, and
// the range of h beside it for the step's quantization. The definitions are core's `ops/recurrent-cells.ts`.
#pragma once
#include "rows.h"

namespace {

// Each block of 16 units (the last of `count`): next(gates from, load, store) -> h.
template <class Next> inline void by_units(octavo_recurrent_step* s, size_t gates, Next next) {
  Simd::F low = Simd::set1(s->low), high = Simd::set1(s->high);
  const auto take = [&](Simd::F h) {
    const Simd::F value = Simd::keep(Simd::finite(h), h);
    low = Simd::min(value, low);
    high = Simd::max(value, high);
  };
  by_lanes(
      s->units,
      [&](size_t i) {
        const Simd::F h = next(
            i * gates, [&](const float* p) { return Simd::load(p + i); }, [&](float* p, Simd::F x) { Simd::store(p + i, x); });
        Simd::store(s->h + i, h);
        take(h);
      },
      [&](size_t i, size_t count) {
        const Simd::F h = next(
            i * gates, [&](const float* p) { return Simd::load_first(p + i, count); },
            [&](float* p, Simd::F x) { Simd::store_first(p + i, x, count); });
        Simd::store_first(s->h + i, h, count);
        take(Simd::keep(Simd::first(count), h));
      });
  s->low = Simd::fold_min(low);
  s->high = Simd::fold_max(high);
}

void recurrent_step(octavo_recurrent_step* s) {
  const auto ih = [s](size_t at) { return Simd::load(s->ih + at); };
  const auto hh = [s](size_t at) { return Simd::load(s->hh + at); };
  const auto sum = [&](size_t at) { return Simd::add(hh(at), ih(at)); };
  constexpr size_t kBlock = OCTAVO_PANEL;
  if (s->cell == OCTAVO_CELL_LSTM) {
    by_units(s, 4, [&](size_t at, auto load, auto store) {
      const Simd::F i = Elementary::sigmoid(sum(at)), forget = Elementary::sigmoid(sum(at + kBlock));
      const Simd::F g = Elementary::tanh(sum(at + 2 * kBlock)), o = Elementary::sigmoid(sum(at + 3 * kBlock));
      const Simd::F c = Simd::add(Simd::mul(forget, load(s->c)), Simd::mul(i, g));
      store(s->c, c);
      return Simd::mul(o, Elementary::tanh(c));
    });
  } else if (s->cell == OCTAVO_CELL_GRU) {
    by_units(s, 3, [&](size_t at, auto load, auto) {
      const Simd::F r = Elementary::sigmoid(sum(at)), z = Elementary::sigmoid(sum(at + kBlock));
      const Simd::F n = Elementary::tanh(Simd::add(ih(at + 2 * kBlock), Simd::mul(hh(at + 2 * kBlock), r)));
      return Simd::add(Simd::mul(Simd::sub(load(s->h), n), z), n);
    });
  } else if (s->cell == OCTAVO_CELL_RNN_TANH) {
    by_units(s, 1, [&](size_t at, auto, auto) { return Elementary::tanh(sum(at)); });
  } else {
    by_units(s, 1, [&](size_t at, auto, auto) { return Elementary::relu(sum(at)); });
  }
}

}  // namespace

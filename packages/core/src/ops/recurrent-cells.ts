import { sigmoid, tanh } from '../numerics/elementary.js';

const f = Math.fround;

/** One step of one row: gates from the products of the input and of h, both with their biases, into the next states. */
export interface RecurrentCell {
  /** Blocks of rows that the weights stack. */
  readonly gates: number;
  /** Names of the states in order. */
  readonly states: readonly string[];
  /** ih, hh [gates * hidden]; h is the state before; c, if there is one, is overwritten; the next h goes to `next`. */
  step(ih: Float32Array, hh: Float32Array, h: Float32Array, c: Float32Array | null, next: Float32Array): void;
}

/** i, f, g, o = hh + ih; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'). */
export const lstmCell: RecurrentCell = {
  gates: 4,
  states: ['h', 'c'],
  step(ih, hh, _, c, next) {
    const hidden = next.length;
    const cells = c as Float32Array;
    for (let unit = 0; unit < hidden; unit++) {
      const [i, forget, g, o] = [0, 1, 2, 3].map((gate) => {
        const at = gate * hidden + unit;
        return f((hh[at] as number) + (ih[at] as number));
      }) as [number, number, number, number];
      const kept = f(sigmoid(forget) * (cells[unit] as number));
      const cell = f(kept + f(sigmoid(i) * tanh(g)));
      cells[unit] = cell;
      next[unit] = f(sigmoid(o) * tanh(cell));
    }
  },
};

/** r = sigmoid(hh_r + ih_r), z = sigmoid(hh_z + ih_z), n = tanh(ih_n + r hh_n); h' = (h - n) z + n. */
export const gruCell: RecurrentCell = {
  gates: 3,
  states: ['h'],
  step(ih, hh, h, _, next) {
    const hidden = next.length;
    for (let unit = 0; unit < hidden; unit++) {
      const r = sigmoid(f((hh[unit] as number) + (ih[unit] as number)));
      const z = sigmoid(f((hh[hidden + unit] as number) + (ih[hidden + unit] as number)));
      const last = 2 * hidden + unit;
      const n = tanh(f((ih[last] as number) + f((hh[last] as number) * r)));
      next[unit] = f(f(f((h[unit] as number) - n) * z) + n);
    }
  },
};

/** h' = activation(hh + ih). */
function elmanCell(activation: (x: number) => number): RecurrentCell {
  return {
    gates: 1,
    states: ['h'],
    step(ih, hh, _, __, next) {
      for (let unit = 0; unit < next.length; unit++) {
        next[unit] = activation(f((hh[unit] as number) + (ih[unit] as number)));
      }
    },
  };
}

export const rnnTanhCell: RecurrentCell = elmanCell(tanh);
export const rnnReluCell: RecurrentCell = elmanCell((x) => (0 > x ? 0 : x));

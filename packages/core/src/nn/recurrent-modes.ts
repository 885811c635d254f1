import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * The arithmetic of one time step (PyTorch, aten/src/ATen/native/RNN.cpp). `ih` and `hh` are what the two linears give
 * for the input and for the hidden state, [batch, gates * hidden] float32; the first of the states is h, and each state
 * is [batch, hidden]. Sums are hh + ih, as there.
 */
export interface RecurrentMode {
  /** Blocks of rows that the weights stack. */
  readonly gates: number;
  /** Names of the states in order. */
  readonly states: readonly string[];
  step(ih: Tensor, hh: Tensor, state: readonly Tensor[]): Tensor[];
}

/** i, f, g, o = hh + ih; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'). */
const lstm: RecurrentMode = {
  gates: 4,
  states: ['h', 'c'],
  step(ih, hh, state) {
    const [i, f, g, o] = blocks(F.add(hh, ih), 4) as [Tensor, Tensor, Tensor, Tensor];
    const kept = F.mul(F.sigmoid(f), state[1] as Tensor);
    const c = F.add(kept, F.mul(F.sigmoid(i), F.tanh(g)));
    return [F.mul(F.sigmoid(o), F.tanh(c)), c];
  },
};

/** r = sigmoid(hh_r + ih_r), z = sigmoid(hh_z + ih_z), n = tanh(ih_n + r hh_n); h' = (h - n) z + n. */
const gru: RecurrentMode = {
  gates: 3,
  states: ['h'],
  step(ih, hh, state) {
    const [ihR, ihZ, ihN] = blocks(ih, 3) as [Tensor, Tensor, Tensor];
    const [hhR, hhZ, hhN] = blocks(hh, 3) as [Tensor, Tensor, Tensor];
    const r = F.sigmoid(F.add(hhR, ihR));
    const z = F.sigmoid(F.add(hhZ, ihZ));
    const n = F.tanh(F.add(ihN, F.mul(hhN, r)));
    return [F.add(F.mul(F.sub(state[0] as Tensor, n), z), n)];
  },
};

/** h' = activation(hh + ih). */
function elman(activation: (x: Tensor) => Tensor): RecurrentMode {
  return { gates: 1, states: ['h'], step: (ih, hh) => [activation(F.add(hh, ih))] };
}

export const RECURRENT_MODES = { lstm, gru, tanh: elman(F.tanh), relu: elman(F.relu) } as const;

/** `count` equal blocks of the last dimension of x [batch, count * hidden]. */
function blocks(x: Tensor, count: number): Tensor[] {
  const size = (x.raw.dims.at(-1) as number) / count; // A constant of the model, not a size that a batch changes.
  return Array.from({ length: count }, (_, i) => F.slice(x, -1, i * size, (i + 1) * size));
}

import { F, Module, nn, QuantizedTensor, quantizePerTensor, Tensor } from '@octavo/core';
import { FloatFunctional } from '../stubs/float-functional.js';
import { moved, tanh, type Value } from './value.js';

/** h and c, [batch, hidden] each. */
export type CellState = readonly [h: Value, c: Value];

type OfValue = Module<(x: never) => Value>;

/** Weights of all gates of an LSTM's layer in one direction, as `nn.LSTM` has them. */
export interface CellWeights {
  readonly ih: nn.Linear;
  readonly hh: nn.Linear;
}

/**
 * One step of an LSTM made of parts that have observers (PyTorch, torch/ao/nn/quantizable/modules/rnn.py): two linears,
 * sums and products as functionals; sigmoid and tanh have fixed scales.
 * i, f, g, o = igates(x) + hgates(h); c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c').
 */
export class QuantizableLSTMCell extends Module<(x: Value, state: CellState) => CellState> {
  readonly hiddenSize: number;
  igates: OfValue;
  hgates: OfValue;
  gates = new FloatFunctional();
  input_gate: OfValue = new nn.Sigmoid();
  forget_gate: OfValue = new nn.Sigmoid();
  cell_gate: OfValue = new nn.Tanh();
  output_gate: OfValue = new nn.Sigmoid();
  fgate_cx = new FloatFunctional();
  igate_cgate = new FloatFunctional();
  fgate_cx_igate_cgate = new FloatFunctional();
  ogate_cy = new FloatFunctional();

  constructor({ ih, hh }: CellWeights) {
    super();
    this.hiddenSize = hh.inFeatures;
    this.igates = ih;
    this.hgates = hh;
  }

  forward(x: Value, state: CellState): CellState {
    return this.step(this.igates.call(x as never), state);
  }

  /** A step from what `igates` gives for its input: the linear of a whole sequence is one call. */
  step(igates: Value, [h, c]: CellState): CellState {
    const all = this.gates.add(igates, this.hgates.call(h as never));
    const gate = (at: number, activation: OfValue): Value => {
      const [start, end] = [at * this.hiddenSize, (at + 1) * this.hiddenSize];
      return activation.call(moved(all, (values) => F.slice(values, -1, start, end)) as never);
    };
    const input = gate(0, this.input_gate);
    const forget = gate(1, this.forget_gate);
    const cell = gate(2, this.cell_gate);
    const output = gate(3, this.output_gate);
    const next = this.fgate_cx_igate_cgate.add(this.fgate_cx.mul(forget, c), this.igate_cgate.mul(input, cell));
    return [this.ogate_cy.mul(output, tanh(next)), next];
  }

  /** Zeros of the kind of x; codes of scale 1 and zero point 0, as in PyTorch. */
  zeroState(x: Value, batch: number): CellState {
    const zeros = Tensor.zeros([batch, this.hiddenSize]);
    const state = QuantizedTensor.is(x) ? quantizePerTensor(zeros, 1, 0) : zeros;
    return [state, state];
  }
}

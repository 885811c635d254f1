import { F, formatDims, Module, nn, OctavoError } from '@octavo/core';
import { type CellState, type CellWeights, QuantizableLSTMCell } from './lstm-cell.js';
import { dimsOf, joined, moved, type Value } from './value.js';

/** A sequence and, where given, the states to start from -> the outputs, and the last states. */
type OfSequence = (x: Value, state?: CellState | null) => [output: Value, state: [h: Value, c: Value]];

/** Enough to build an LSTM whose children come from a file. */
export interface QuantizableLSTMConfig {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly bidirectional: boolean;
}

/** A cell over a sequence [time, batch, in]. */
class LSTMSingleLayer extends Module<OfSequence> {
  cell: QuantizableLSTMCell;

  constructor(weights: CellWeights) {
    super();
    this.cell = new QuantizableLSTMCell(weights);
  }

  forward(x: Value, given?: CellState | null): ReturnType<OfSequence> {
    const [time, batch] = dimsOf(x) as [number, number];
    const gates = this.cell.igates.call(x as never);
    const outputs: Value[] = [];
    let state = given ?? this.cell.zeroState(x, batch);
    for (let t = 0; t < time; t++) {
      state = this.cell.step(
        moved(gates, (values) => F.select(values, 0, t)),
        state,
      );
      outputs.push(moved(state[0], (values) => F.unsqueeze(values, 0)));
    }
    return [joined(outputs, 0), [state[0], state[1]]];
  }
}

/** Both directions of a layer; the second is there in bidirectional modules alone. */
class LSTMLayer extends Module<OfSequence> {
  layer_fw: LSTMSingleLayer;
  declare layer_bw?: LSTMSingleLayer;

  constructor([forward, backward]: readonly CellWeights[]) {
    super();
    this.layer_fw = new LSTMSingleLayer(forward as CellWeights);
    if (backward !== undefined) this.layer_bw = new LSTMSingleLayer(backward);
  }

  /** States [directions, batch, hidden]. */
  forward(x: Value, given?: CellState | null): ReturnType<OfSequence> {
    const of = (direction: number): CellState | null =>
      given ? [at(given[0], direction), at(given[1], direction)] : null;
    const results = [this.layer_fw.call(x, of(0))];
    if (this.layer_bw !== undefined) {
      const [output, state] = this.layer_bw.call(reversed(x), of(1));
      results.push([reversed(output), state]);
    }
    const stacked = (i: 0 | 1): Value =>
      joined(
        results.map(([, state]) => moved(state[i], (values) => F.unsqueeze(values, 0))),
        0,
      );
    const outputs = results.map(([output]) => output);
    return [joined(outputs, -1), [stacked(0), stacked(1)]];
  }
}

/**
 * An `nn.LSTM` made of cells that static quantization knows (PyTorch, torch/ao/nn/quantizable/modules/rnn.py):
 * `prepare` puts it in the float module's place, with the same bits; `convert` makes its linears, sums and products
 * int8. x and the states are codes after it; states that are left out are zeros. Where parts of different scales are
 * joined (directions, the last states of layers), codes get the first one's scale, as there.
 */
export class QuantizableLSTM extends Module<OfSequence> {
  readonly config: QuantizableLSTMConfig;
  layers: nn.ModuleList;

  constructor(lstm: nn.LSTM) {
    super();
    if (lstm.projSize > 0) {
      throw new OctavoError(
        'UNSUPPORTED',
        `[QuantizableLSTM] a static LSTM has no projections, got projSize=${lstm.projSize}; keep it float with qconfig null ` +
          "behind a DeQuantStub, or take its weights to float16: quantizeDynamic(model, [nn.LSTM], { dtype: 'float16' })",
      );
    }
    const { inputSize, hiddenSize, numLayers, bias, batchFirst, bidirectional } = lstm;
    this.config = { inputSize, hiddenSize, numLayers, bias, batchFirst, bidirectional };
    const weights = lstm.directions.map(({ suffix }) => ({
      ih: linearOf(lstm, 'ih', suffix),
      hh: linearOf(lstm, 'hh', suffix),
    }));
    const directions = bidirectional ? 2 : 1;
    const layers = Array.from(
      { length: numLayers },
      (_, i) => new LSTMLayer(weights.slice(i * directions, (i + 1) * directions)),
    );
    this.layers = new nn.ModuleList(layers);
  }

  /** One whose children come from a file. */
  static fromConfig({ inputSize, hiddenSize, ...options }: QuantizableLSTMConfig): QuantizableLSTM {
    return nn.skipInit(() => new QuantizableLSTM(new nn.LSTM(inputSize, hiddenSize, options)));
  }

  forward(x: Value, given?: CellState | null): ReturnType<OfSequence> {
    const { batchFirst, inputSize, bidirectional } = this.config;
    const dims = dimsOf(x);
    if (dims.length < 2 || dims.length > 3 || dims.at(-1) !== inputSize) {
      const lead = batchFirst ? 'batch, time' : 'time, batch';
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${this.typeName}] expected x [${lead}, ${inputSize}] or [time, ${inputSize}], got ${formatDims(dims)}`,
      );
    }
    const single = dims.length === 2;
    const batched = (v: Value, dim: number): Value => moved(v, (values) => F.unsqueeze(values, dim));
    const turned = (v: Value): Value => (batchFirst && !single ? moved(v, (values) => F.transpose(values, 0, 1)) : v);
    const start = single && given ? ([batched(given[0], 1), batched(given[1], 1)] as const) : given;
    const directions = bidirectional ? 2 : 1;
    let output = single ? batched(x, 1) : turned(x);
    const states: [h: Value, c: Value][] = [];
    for (const [i, layer] of [...this.layers].entries()) {
      const part = (v: Value): Value => moved(v, (values) => F.slice(values, 0, i * directions, (i + 1) * directions));
      const result = layer.call(output, start ? [part(start[0]), part(start[1])] : null);
      output = result[0];
      states.push(result[1]);
    }
    const state = [0, 1].map((i) =>
      joined(
        states.map((each) => each[i as 0 | 1]),
        0,
      ),
    ) as [Value, Value];
    if (!single) return [turned(output), state];
    return [at(output, 0, 1), [at(state[0], 0, 1), at(state[1], 0, 1)]];
  }

  override get typeName(): string {
    const isConverted = (this.layers.at(0) as LSTMLayer | undefined)?.layer_fw.cell.gates.typeName === 'QFunctional';
    return isConverted ? 'QuantizedLSTM' : 'QuantizableLSTM';
  }

  override extraRepr(): string {
    return nn.skipInit(() => new nn.LSTM(this.config.inputSize, this.config.hiddenSize, this.config)).extraRepr();
  }
}

function linearOf(lstm: nn.LSTM, name: 'ih' | 'hh', suffix: string): nn.Linear {
  const own = lstm as unknown as Record<string, nn.Linear['weight'] | undefined>;
  const weight = own[`weight_${name}${suffix}`] as nn.Linear['weight'];
  const [rows, columns] = weight.raw.dims as [number, number];
  const linear = nn.skipInit(() => new nn.Linear(columns, rows, { bias: lstm.bias }));
  return Object.assign(linear, { weight, bias: own[`bias_${name}${suffix}`] ?? null });
}

function at(x: Value, index: number, dim = 0): Value {
  return moved(x, (values) => F.select(values, dim, index));
}

/** The time steps from the last to the first. */
function reversed(x: Value): Value {
  const time = dimsOf(x)[0] as number;
  return moved(x, (values) => {
    const steps = Array.from({ length: time }, (_, i) => F.slice(values, 0, time - 1 - i, time - i));
    return steps.length === 1 ? values : F.cat(steps, 0);
  });
}

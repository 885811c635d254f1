import { type Module, nn, QuantizedTensor, type StateDict, Tensor } from '@octavo/core';
import { convert, DeQuantStub, FloatFunctional, fuseModules, prepare, QuantStub, quantizeDynamic } from '@octavo/eager';
import {
  defaultPerChannelQConfig,
  defaultQConfig,
  getDefaultQConfig,
  maxAbsError,
  type QConfig,
} from '@octavo/observers';
import { BertModel } from '../models/bert.js';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { numbersOf, tensorOf } from './qparams.js';
import { DYNAMIC_QCONFIGS } from './recurrent.js';

// Whole models through the eager API: a CNN by calibration, an LSTM and BERT by dynamic quantization.

type Layer = nn.Module<(x: Tensor) => Tensor>;

const STATIC_QCONFIGS: Readonly<Record<string, QConfig>> = {
  "get_default_qconfig('fbgemm')": getDefaultQConfig('fbgemm'),
  "get_default_qconfig('fbgemm') add_relu": getDefaultQConfig('fbgemm'),
  default_qconfig: defaultQConfig,
  default_per_channel_qconfig: defaultPerChannelQConfig,
};

/** The network that the case's `arch` describes. */
export class Cnn extends nn.Module<(x: Tensor) => Tensor> {
  quant: Layer = new QuantStub();
  conv1: Layer = new nn.Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn1: Layer = new nn.BatchNorm2d(8);
  relu1: Layer = new nn.ReLU();
  conv2: Layer = new nn.Conv2d(8, 8, 3, { padding: 1 });
  bn2: Layer = new nn.BatchNorm2d(8);
  ff = new FloatFunctional();
  relu2: Layer = new nn.ReLU();
  pool: Layer = new nn.MaxPool2d(2);
  conv3: Layer = new nn.Conv2d(8, 16, 3, { stride: 2, padding: 1, bias: false });
  bn3: Layer = new nn.BatchNorm2d(16);
  relu3: Layer = new nn.ReLU();
  avg: Layer = new nn.AdaptiveAvgPool2d(1);
  flatten: Layer = new nn.Flatten();
  fc: Layer = new nn.Linear(16, 10);
  dequant: Layer = new DeQuantStub();
  /** The last sum, which no module's output is. */
  sum: unknown;

  constructor(readonly addRelu: boolean) {
    super();
  }

  forward(input: Tensor): Tensor {
    const x = this.relu1.call(this.bn1.call(this.conv1.call(this.quant.call(input))));
    const y = this.bn2.call(this.conv2.call(x));
    const sum = this.addRelu ? this.ff.addRelu(x, y) : this.ff.add(x, y);
    this.sum = sum;
    const pooled = this.pool.call(this.addRelu ? sum : this.relu2.call(sum));
    const features = this.avg.call(this.relu3.call(this.bn3.call(this.conv3.call(pooled))));
    return this.dequant.call(this.fc.call(this.flatten.call(features)));
  }
}

const FUSED = [
  ['conv1', 'bn1', 'relu1'],
  ['conv2', 'bn2'],
  ['conv3', 'bn3', 'relu3'],
];
export const WEIGHTED = ['conv1', 'conv2', 'conv3', 'fc'];

/** The tensors of a case's float model, by their names in its state dict. */
export function stateOf({ inputs }: GoldenCase): StateDict {
  const entries = Object.entries(inputs).filter(([role]) => role.startsWith('state.'));
  return Object.fromEntries(entries.map(([role, value]) => [role.slice('state.'.length), value as Tensor]));
}

/** The CNN of a case as it was built, with its modules fused, and converted after the case's calibration. */
export function calibratedCnn(golden: GoldenCase, qconfig: QConfig): Record<'model' | 'fused' | 'int8', Cnn> {
  const model = new Cnn(golden.params.residual === 'FloatFunctional.add_relu');
  model.loadStateDict(stateOf(golden));
  const fused = fuseModules(model, FUSED);
  const prepared = prepare(fused, { qconfig });
  for (let i = 0; `calibration.${i}` in golden.inputs; i++) prepared.call(tensorOf(golden, `calibration.${i}`));
  return { model, fused, int8: convert(prepared) };
}

const cnnStatic: GoldenOperator = (golden) => {
  const { model, fused, int8 } = calibratedCnn(golden, STATIC_QCONFIGS[golden.params.qconfig as string] as QConfig);
  const x = tensorOf(golden, 'x');
  checkRecalibrated(golden, int8.call(x));
  return {
    float_y: model.call(x),
    ...renamed('fused.', fused.stateDict()),
    // Calibration sees another float convolution than PyTorch's; from here on the stored weights and qparams count.
    ...withStored(golden, int8, x),
  };
};

/** The output of a model calibrated here may differ by what the case allows for other sums of float convolutions. */
function checkRecalibrated({ outputs, recalibrated_tolerance: allowed = 0 }: GoldenCase, y: Tensor): void {
  const difference = maxAbsError(outputs.y as Tensor, y);
  if (difference > allowed)
    throw new Error(`y differs by ${difference} after calibration, expected at most ${allowed}`);
}

/** What every module gives with the int8 weights and the scales of the case. */
function withStored(
  { outputs, layer_qparams: qparams = {} }: GoldenCase,
  int8: Cnn,
  x: Tensor,
): Record<string, GoldenValue> {
  const state = int8.stateDict();
  const stored: StateDict = {};
  const put = (name: string, values: ArrayLike<number>): void => {
    const { type, raw } = state[name] as Tensor;
    const data = type === 'int64' ? BigInt64Array.from(Array.from(values), BigInt) : typed(type, values);
    stored[name] = new Tensor(type, data as never, raw.dims);
  };
  for (const path of WEIGHTED) {
    const prefix = path === 'fc' ? 'fc._packed_params.' : `${path}.`;
    put(`${prefix}weight`, numbersOf(outputs[`${path}.weight`]));
    put(`${prefix}weight_scales`, numbersOf(outputs[`${path}.weight.scales`]));
    put(`${prefix}weight_zero_points`, numbersOf(outputs[`${path}.weight.zero_points`]));
    put(`${prefix}bias`, numbersOf(outputs[`${path}.bias`]));
  }
  for (const path of ['quant', 'ff', ...WEIGHTED]) {
    const { scale, zero_point: zeroPoint } = qparams[path] as { scale: number; zero_point: number };
    put(`${path}.scale`, [scale]);
    put(`${path}.zero_point`, [zeroPoint]);
  }
  const weights = Object.fromEntries(
    WEIGHTED.map((path) => [
      `${path}.weight`,
      (int8[path as 'fc'] as unknown as { weight: QuantizedTensor }).weight.values,
    ]),
  );
  int8.loadStateDict(stored, { strict: false });
  const seen = watch(int8, (output) => (QuantizedTensor.is(output) ? output.values : (output as Tensor)));
  const y = int8.call(x);
  return { ...weights, ...seen, 'act.ff.activation_post_process': (int8.sum as QuantizedTensor).values, y };
}

function typed(type: string, values: ArrayLike<number>) {
  if (type === 'float32') return Float32Array.from(values);
  return type === 'int8' ? Int8Array.from(values) : Int32Array.from(values);
}

function renamed(prefix: string, state: StateDict): Record<string, GoldenValue> {
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [prefix + name, tensor]));
}

/** An embedding, an LSTM and a linear: tokens [time, batch] -> logits and the last states. */
export class LstmText extends nn.Module<nn.LSTMFunction> {
  encoder: Layer;
  rnn: nn.Module<nn.LSTMFunction>;
  decoder: Layer;

  constructor({ vocab, embedding, hidden, layers }: Readonly<Record<string, number>>) {
    super();
    this.encoder = new nn.Embedding(vocab as number, embedding as number);
    this.rnn = new nn.LSTM(embedding as number, hidden as number, { numLayers: layers as number });
    this.decoder = new nn.Linear(hidden as number, vocab as number);
  }

  forward(tokens: Tensor, state?: nn.LSTMState | null): ReturnType<nn.LSTMFunction> {
    const [output, last] = this.rnn.call(this.encoder.call(tokens), state);
    return [this.decoder.call(output), last];
  }
}

const lstmText: GoldenOperator = (golden) => {
  const model = new LstmText(golden.params as Readonly<Record<string, number>>);
  model.loadStateDict(stateOf(golden));
  const int8 = dynamic(golden, model);
  const [tokens, state] = [
    tensorOf(golden, 'tokens'),
    [tensorOf(golden, 'h0'), tensorOf(golden, 'c0')] as nn.LSTMState,
  ];
  const [logits, [h, c]] = int8.call(tokens, state);
  return { logits, h_n: h, c_n: c, 'float.logits': model.call(tokens, state)[0] };
};

/** The BERT of a case, in float. */
export function bertOf(golden: GoldenCase): BertModel {
  const { vocab, hidden, heads, ffn, layers, layer_norm_eps } = golden.params as Readonly<Record<string, number>>;
  const rows = (table: string): number =>
    tensorOf(golden, `state.embeddings.${table}_embeddings.weight`).dims[0] as number;
  const model = new BertModel({
    vocabSize: vocab as number,
    hiddenSize: hidden as number,
    layers: layers as number,
    heads: heads as number,
    intermediateSize: ffn as number,
    maxPositions: rows('position'),
    tokenTypes: rows('token_type'),
    layerNormEps: layer_norm_eps as number,
    padTokenId: 0,
    hiddenDropout: 0,
    attentionDropout: 0,
    classifierDropout: 0,
    labels: [],
  });
  model.loadStateDict(stateOf(golden));
  return model;
}

const bert: GoldenOperator = (golden) => {
  const model = bertOf(golden);
  const [ids, mask] = [tensorOf(golden, 'input_ids'), tensorOf(golden, 'attention_mask')];
  const run = (module: BertModel): Record<string, GoldenValue> => {
    const seen = watch(module, (output) => output as Tensor);
    const pooled = module.call(ids, mask, Tensor.zeros(ids.dims, 'int64')) as Tensor;
    return { ...seen, pooler_output: pooled, last_hidden_state: seen['act.encoder'] as Tensor };
  };
  const int8 = dynamic(golden, model);
  const weights = [...int8.namedModules()].flatMap(([path, module]) =>
    module.typeName === 'DynamicQuantizedLinear'
      ? [[`${path}.weight`, (module as unknown as { weight: QuantizedTensor }).weight.values] as const]
      : [],
  );
  const float = run(model);
  return {
    ...run(int8),
    ...Object.fromEntries(weights),
    'float.last_hidden_state': float.last_hidden_state as Tensor,
    'float.pooler_output': float.pooler_output as Tensor,
  };
};

/** What every module gives from now on, by `act.` and its path; `valuesOf` takes the tensor out of an output. */
function watch(model: Module, valuesOf: (output: unknown) => GoldenValue): Record<string, GoldenValue> {
  const seen: Record<string, GoldenValue> = {};
  for (const [path, module] of model.namedModules()) {
    module.registerForwardHook((_module, _inputs, output) => {
      seen[`act.${path}`] = valuesOf(output);
    });
  }
  return seen;
}

/** The qconfig of a case, which may stand in a dictionary; cases that name types have the default one. */
export function dynamicQConfigOf({ params }: GoldenCase): QConfig {
  const name = Object.keys(DYNAMIC_QCONFIGS).find((known) => String(params.qconfig).includes(known));
  return DYNAMIC_QCONFIGS[name ?? 'default_dynamic_qconfig'] as QConfig;
}

function dynamic<M extends Module>(golden: GoldenCase, model: M): M {
  return quantizeDynamic(model, [nn.LSTM, nn.Linear], { qconfig: dynamicQConfigOf(golden) });
}

/** `modules_end_to_end`, in eager mode. */
export const moduleOperators: Readonly<Record<string, GoldenOperator>> = {
  cnn_static_eager: cnnStatic,
  lstm_text_dynamic_eager: lstmText,
  bert_dynamic_eager: bert,
};

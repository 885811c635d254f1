import { type Module, nn, type Tensor } from '@octavo/core';
import { quantizeDynamic } from '@octavo/eager';
import { defaultDynamicQConfig, perChannelDynamicQConfig, type QConfig } from '@octavo/observers';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { tensorOf } from './qparams.js';

/** Dynamic qconfigs by PyTorch's names. */
export const DYNAMIC_QCONFIGS: Readonly<Record<string, QConfig>> = {
  default_dynamic_qconfig: defaultDynamicQConfig,
  per_channel_dynamic_qconfig: perChannelDynamicQConfig,
};

/** A float module with the weights of a case, and its dynamically quantized form. */
function modulesOf<M extends Module>({ params, inputs }: GoldenCase, float: M): { float: M; quantized: M } {
  // A case that only raises stores no weights; the module's own serve it.
  const names = Object.keys(float.stateDict()).filter((name) => name in inputs);
  float.loadStateDict(Object.fromEntries(names.map((name) => [name, inputs[name] as Tensor])), { strict: false });
  const qconfig = DYNAMIC_QCONFIGS[(params.qconfig as string | undefined) ?? 'default_dynamic_qconfig'] as QConfig;
  return { float, quantized: quantizeDynamic(float, null, { qconfig }) };
}

function optionsOf({ params }: GoldenCase): nn.RNNOptions {
  return {
    numLayers: (params.num_layers as number | undefined) ?? 1,
    bidirectional: params.bidirectional === true,
    batchFirst: params.batch_first === true,
    bias: params.bias !== false,
  };
}

function sizesOf({ params }: GoldenCase): [inputSize: number, hiddenSize: number] {
  return [(params.input_size as number | undefined) ?? 1, (params.hidden_size as number | undefined) ?? 1];
}

const optional = (golden: GoldenCase, role: string): Tensor | null =>
  role in golden.inputs ? tensorOf(golden, role) : null;

/** h0 and c0 of a case, or null where it starts from zeros. */
function lstmState(golden: GoldenCase): [Tensor, Tensor] | null {
  const [h, c] = [optional(golden, 'h0'), optional(golden, 'c0')];
  return h === null || c === null ? null : [h, c];
}

const lstm: GoldenOperator = (golden) => {
  const { float, quantized } = modulesOf(golden, new nn.LSTM(...sizesOf(golden), optionsOf(golden)));
  const x = tensorOf(golden, 'x');
  const [output, [h, c]] = quantized.call(x, lstmState(golden));
  return { output, h_n: h, c_n: c, float_output: float.call(x, lstmState(golden))[0] };
};

const gru: GoldenOperator = (golden) => {
  const { float, quantized } = modulesOf(golden, new nn.GRU(...sizesOf(golden), optionsOf(golden)));
  const [x, h0] = [tensorOf(golden, 'x'), optional(golden, 'h0')];
  const [output, h] = quantized.call(x, h0);
  return { output, h_n: h, float_output: float.call(x, h0)[0] };
};

const lstmCell: GoldenOperator = (golden) => {
  const { quantized } = modulesOf(golden, new nn.LSTMCell(...sizesOf(golden)));
  const [h, c] = quantized.call(tensorOf(golden, 'x'), lstmState(golden));
  return { h_n: h, c_n: c };
};

const hiddenCell =
  (build: (golden: GoldenCase) => nn.GRUCell | nn.RNNCell): GoldenOperator =>
  (golden): Record<string, GoldenValue> => {
    const { quantized } = modulesOf(golden, build(golden));
    return { h_n: quantized.call(tensorOf(golden, 'x'), optional(golden, 'h0')) };
  };

/** `torch.ao.nn.quantized.dynamic`: recurrent modules and cells, quantized by `quantizeDynamic`. */
export const recurrentOperators: Readonly<Record<string, GoldenOperator>> = {
  LSTM_dynamic: lstm,
  GRU_dynamic: gru,
  LSTMCell_dynamic: lstmCell,
  GRUCell_dynamic: hiddenCell((golden) => new nn.GRUCell(...sizesOf(golden))),
  RNNCell_dynamic: hiddenCell((golden) => {
    const nonlinearity = golden.params.nonlinearity as nn.Nonlinearity;
    return new nn.RNNCell(...sizesOf(golden), { nonlinearity });
  }),
};

import { nn, type PackedParams, type Tensor, Tensor as Tensors } from '@octavo/core';
import { calibrate, convert, type Graph, prepare, quantizeDynamic, trace } from '@octavo/graph';
import { FixedQParamsObserver, getDefaultQConfig, maxAbsError } from '@octavo/observers';
import type { BertModel } from '../models/bert.js';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { bertOf, Cnn, dynamicQConfigOf, LstmText, stateOf, WEIGHTED } from './modules.js';
import { tensorOf } from './qparams.js';

// The models of modules.ts in graph mode: traced, then quantized by the verbs that users call.

/** The CNN, prepared and shown the case's batches. */
async function calibratedCnn(golden: GoldenCase): Promise<{ float: Graph; prepared: Graph }> {
  const model = new Cnn(false);
  model.loadStateDict(stateOf(golden));
  const float = trace(model.eval(), { x: tensorOf(golden, 'x') });
  const prepared = prepare(float, { '': getDefaultQConfig('fbgemm') });
  const batches: { x: Tensor }[] = [];
  for (let i = 0; `calibration.${i}` in golden.inputs; i++) batches.push({ x: tensorOf(golden, `calibration.${i}`) });
  await calibrate(prepared, batches);
  return { float, prepared };
}

const cnnStatic: GoldenOperator = async (golden) => {
  const { float, prepared } = await calibratedCnn(golden);
  const debug = golden.params.debug === true;
  const x = tensorOf(golden, 'x');
  const { recalibrated_tolerance: allowed, outputs } = golden;
  const y = convert(prepared, { debug }).run({ x }).output as Tensor;
  const difference = maxAbsError(outputs.y as Tensor, y);
  if (allowed !== undefined && difference > allowed) {
    throw new Error(`y differs by ${difference} after calibration, expected at most ${allowed}`);
  }
  // Calibration sees another float convolution than PyTorch's; from here on the stored qparams count.
  putStored(golden, prepared);
  const int8 = convert(prepared, { debug });
  return { float_y: float.run({ x }).output as Tensor, ...weightsOf(int8), y: int8.run({ x }).output as Tensor };
};

/** The activations that are observed, in the order of the graph, by the names of FX's scales. */
const FX_ORDER = ['conv1_input', 'conv1', 'conv2', 'relu2', 'conv3', 'fc'];

/** Puts the scales and zero points of the case in the place of what was observed here. */
function putStored(golden: GoldenCase, prepared: Graph): void {
  const stored = qparamsOf(golden);
  const observed = [...prepared.observers].filter(([, { role }]) => role === 'activation');
  if (stored === null) return;
  if (stored.length !== observed.length) {
    throw new Error(`${observed.length} activations are observed, expected ${stored.length}`);
  }
  observed.forEach(([name, spec], i) => {
    prepared.observers.set(name, { ...spec, observer: new FixedQParamsObserver(stored[i] as Scale) });
  });
}

interface Scale {
  readonly scale: number;
  readonly zeroPoint: number;
}

/**
 * Of FX's layers, or of the constants in TorchScript's nodes; debug graphs have them in attributes that are not stored.
 */
function qparamsOf({ layer_qparams: layers, nodes = [] }: GoldenCase): Scale[] | null {
  if (layers !== undefined) {
    const flat = layers as unknown as Readonly<Record<string, number | { scale: number; zero_point: number }>>;
    return FX_ORDER.map((name) => {
      const layer = flat[name];
      if (typeof layer === 'object') return { scale: layer.scale, zeroPoint: layer.zero_point };
      return { scale: flat[`${name}_scale_0`] as number, zeroPoint: flat[`${name}_zero_point_0`] as number };
    });
  }
  const constants = nodes.flatMap((node) =>
    typeof node === 'string' || node.constants.length < 2 ? [] : [node.constants],
  );
  return constants.length === 0 ? null : constants.map(([scale, zeroPoint]) => ({ scale, zeroPoint }) as Scale);
}

/** Codes, scales and biases of the packed weights. */
function weightsOf(int8: Graph): Record<string, GoldenValue> {
  return Object.fromEntries(
    WEIGHTED.flatMap((path) => {
      const packed = int8.parameters.get(`${path}._packed_params`) as PackedParams | undefined;
      if (packed === undefined) return [];
      const { values, scales } = packed.weight;
      return [
        [`${path}.weight`, values],
        [`${path}.weight.scales`, new Tensors('float32', scales, [scales.length])],
        [`${path}.bias`, packed.bias as Tensor],
      ] as const;
    }),
  );
}

/** BERT's two results by their names. */
class BertResults extends nn.Module {
  constructor(readonly bert: BertModel) {
    super();
  }

  forward(ids: Tensor, mask: Tensor, types: Tensor): Record<string, Tensor> {
    let last: unknown;
    const handle = this.bert.encoder.registerForwardHook((_module, _inputs, output) => {
      last = output;
    });
    const pooled = this.bert.call(ids, mask, types) as Tensor;
    handle.remove();
    return { last_hidden_state: last as Tensor, pooler_output: pooled };
  }
}

const bert: GoldenOperator = (golden) => {
  const [ids, mask] = [tensorOf(golden, 'input_ids'), tensorOf(golden, 'attention_mask')];
  const feeds = { ids, mask, types: Tensors.zeros(ids.dims, 'int64') };
  const float = trace(new BertResults(bertOf(golden)).eval(), feeds);
  const int8 = quantizeDynamic(float, { '': dynamicQConfigOf(golden) }, { debug: golden.params.debug === true });
  return { ...int8.run(feeds), 'float.last_hidden_state': float.run(feeds).last_hidden_state as Tensor };
};

/** The logits of the LSTM model, whose linear alone is int8: TorchScript leaves LSTMs float. */
const lstmText: GoldenOperator = (golden) => {
  const [vocab, embedding] = tensorOf(golden, 'state.encoder.weight').dims;
  const hidden = tensorOf(golden, 'state.decoder.weight').dims[1];
  const layers = Object.keys(golden.inputs).filter((role) => role.startsWith('state.rnn.weight_hh_l')).length;
  const model = new LstmText({ vocab, embedding, hidden, layers } as Record<string, number>);
  model.loadStateDict(stateOf(golden));
  const feeds = { tokens: tensorOf(golden, 'tokens'), h0: tensorOf(golden, 'h0'), c0: tensorOf(golden, 'c0') };
  const float = trace(new Logits(model).eval(), feeds);
  const int8 = quantizeDynamic(float, { '': dynamicQConfigOf(golden), 'model.rnn': null });
  return { logits: int8.run(feeds).output as Tensor, 'float.logits': float.run(feeds).output as Tensor };
};

class Logits extends nn.Module {
  constructor(readonly model: LstmText) {
    super();
  }

  forward(tokens: Tensor, h0: Tensor, c0: Tensor): Tensor {
    return this.model.call(tokens, [h0, c0])[0];
  }
}

/** `modules_end_to_end` in FX and TorchScript. */
export const moduleGraphOperators: Readonly<Record<string, GoldenOperator>> = {
  cnn_static_fx: cnnStatic,
  cnn_static_jit: cnnStatic,
  bert_dynamic_jit: bert,
  lstm_text_dynamic_jit: lstmText,
};

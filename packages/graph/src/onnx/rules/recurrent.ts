import { type Attrs, RECURRENT_ACTIVATIONS } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { type ActivationName, activationsOf, type RecurrentActivations } from './recurrent-activations.js';
import { dynamicLayers, floatLayers, type LayerKind } from './recurrent-layers.js';

const DEFAULTS: Readonly<Record<LayerKind, readonly ActivationName[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
};

interface RecurrentAttrs extends RecurrentActivations {
  readonly hidden: number;
  readonly reverse: 0 | 1;
  readonly clip: number;
}

/** The attributes that all recurrent ops of core share. */
function recurrentAttrs(n: RuleContext, kind: LayerKind): RecurrentAttrs {
  return {
    hidden: n.attr('hidden_size'),
    reverse: n.text('direction', 'forward') === 'reverse' ? 1 : 0,
    ...activationsOf(n, DEFAULTS[kind], directionsOf(n)),
    clip: n.attr('clip', 0),
  };
}

/** [batch, length, ...] and [length, batch, ...] into each other. */
function swapFirst(n: RuleContext, value: Value | null): Value | null {
  return value === null ? null : n.op('aten::permute', [value], { dims: [1, 0, 2] });
}

/** With layout 1 everything has the batch first: outputs y [batch, length, directions, hidden]. */
function laidOut(n: RuleContext, outputs: readonly Value[]): readonly Value[] {
  if (n.attr('layout', 0) === 0) return outputs;
  return outputs.map((value, i) => n.op('aten::permute', [value], { dims: i === 0 ? [2, 0, 1, 3] : [1, 0, 2] }));
}

function directionsOf(n: RuleContext): number {
  return n.text('direction', 'forward') === 'bidirectional' ? 2 : 1;
}

/** True where no gate is clamped, coupled or sees the cells: then the operator may be the layer that a module is. */
function isPlain(n: RuleContext, kind: LayerKind, { clip }: RecurrentAttrs): boolean {
  if (kind === 'GRU') return clip === 0 && n.attr('linear_before_reset', 0) === 1;
  if (kind === 'RNN') return clip === 0;
  return clip === 0 && n.optional(7) === null && n.attr('input_forget', 0) === 0;
}

/** The op of direction `d`; undefined where its activations are not those that a module has. */
function layerOf(kind: LayerKind, { activations }: RecurrentAttrs, d: number): string | undefined {
  const defaults = DEFAULTS[kind];
  const own = activations.slice(d * defaults.length, (d + 1) * defaults.length);
  if (kind === 'RNN' && own[0] === RECURRENT_ACTIVATIONS.Relu) return 'aten::rnn_relu_layer';
  return own.every((code, i) => code === RECURRENT_ACTIVATIONS[defaults[i] as ActivationName])
    ? LAYERS[kind]
    : undefined;
}

const LAYERS = { LSTM: 'aten::lstm_layer', GRU: 'aten::gru_layer', RNN: 'aten::rnn_tanh_layer' } as const;

/** The ops of all directions; null where one of them is not a layer that modules have. */
function layersOf(n: RuleContext, kind: LayerKind, attrs: RecurrentAttrs): string[] | null {
  if (!isPlain(n, kind, attrs)) return null;
  const ops = Array.from({ length: directionsOf(n) }, (_, d) => layerOf(kind, attrs, d));
  return ops.includes(undefined) ? null : (ops as string[]);
}

/** What core's op of an operator has besides. */
function more(n: RuleContext, kind: LayerKind): Attrs {
  if (kind === 'GRU') return { linearBeforeReset: n.attr('linear_before_reset', 0) };
  return kind === 'LSTM' ? { inputForget: n.attr('input_forget', 0) } : {};
}

const recurrent =
  (kind: LayerKind, op: string): Rule =>
  (n) => {
    const attrs = recurrentAttrs(n, kind);
    const batchFirst = n.attr('layout', 0) === 1;
    const swapped = (value: Value | null): Value | null => (batchFirst ? swapFirst(n, value) : value);
    const states = (kind === 'LSTM' ? [5, 6] : [5]).map((at) => swapped(n.optional(at)));
    const x = swapped(n.input(0)) as Value;
    const ops = layersOf(n, kind, attrs);
    const layers =
      ops && floatLayers(n, kind, { ops, reverse: attrs.reverse === 1 }, { x, lengths: n.optional(4), states });
    if (layers) return laidOut(n, layers);
    const peepholes = kind === 'LSTM' ? [n.optional(7)] : [];
    const inputs = [x, n.input(1), n.input(2), n.optional(3), n.optional(4), ...states, ...peepholes];
    return laidOut(n, n.builder.ops(op, inputs, { ...attrs, ...more(n, kind) }));
  };

/** ONNX Runtime's LSTM over int8 weights, which lie transposed: [directions, in, 4 * hidden]. */
const dynamicLstm: Rule = (n) => {
  const attrs = recurrentAttrs(n, 'LSTM');
  const states = [n.optional(5), n.optional(6)];
  const layers =
    layersOf(n, 'LSTM', attrs) &&
    dynamicLayers(n, attrs.reverse === 1, { x: n.input(0), lengths: n.optional(4), states });
  if (layers) return laidOut(n, layers);
  const inputs = Array.from({ length: 12 }, (_, i) => (i > 2 && i < 8 ? n.optional(i) : n.input(i)));
  return laidOut(n, n.builder.ops('octavo::lstm_dynamic', inputs, { ...attrs, ...more(n, 'LSTM') }));
};

export const RECURRENT_RULES: Readonly<Record<string, Rule>> = {
  GRU: recurrent('GRU', 'octavo::gru'),
  LSTM: recurrent('LSTM', 'octavo::lstm'),
  RNN: recurrent('RNN', 'octavo::rnn'),
  'com.microsoft::DynamicQuantizeLSTM': dynamicLstm,
};

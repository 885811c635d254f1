import { type Attrs, RECURRENT_ACTIVATIONS } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { dynamicLayers, floatLayers, type LayerKind } from './recurrent-layers.js';

const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
};

/** The attributes that all recurrent ops of core share. */
function recurrentAttrs(n: RuleContext, kind: string, directions: number) {
  const direction = n.text('direction', 'forward');
  const defaults = DEFAULTS[kind] as readonly string[];
  const names = n.has('activations')
    ? (JSON.parse(n.text('activations', '')) as string[])
    : Array.from({ length: directions }, () => defaults).flat();
  const activations = names.map((name) => {
    const code = Object.entries(RECURRENT_ACTIVATIONS).find(
      ([known]) => known.toLowerCase() === name.toLowerCase(),
    )?.[1];
    if (code === undefined) throw n.unsupported(`the activation ${name}`);
    return code;
  });
  if (activations.length !== directions * defaults.length)
    throw n.fault(`${activations.length} activations for ${directions} directions`);
  for (const name of ['activation_alpha', 'activation_beta']) if (n.has(name)) throw n.unsupported(name);
  if (n.attr('input_forget', 0) === 1) throw n.unsupported('input_forget');
  return {
    hidden: n.attr('hidden_size'),
    reverse: direction === 'reverse' ? 1 : 0,
    activations,
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

/** True where the operator is the layer that a module is: the default activations, no clip, no peepholes. */
function isPlain(n: RuleContext, kind: LayerKind, { activations, clip }: ReturnType<typeof recurrentAttrs>): boolean {
  const defaults = (DEFAULTS[kind] as readonly (keyof typeof RECURRENT_ACTIVATIONS)[]).map(
    (name) => RECURRENT_ACTIVATIONS[name],
  );
  const isDefault = activations.every((code, i) => code === defaults[i % defaults.length]);
  return isDefault && clip === 0 && (kind === 'GRU' || n.optional(7) === null);
}

const recurrent =
  (kind: LayerKind | 'RNN', op: string): Rule =>
  (n) => {
    const attrs = recurrentAttrs(n, kind, directionsOf(n));
    const batchFirst = n.attr('layout', 0) === 1;
    const swapped = (value: Value | null): Value | null => (batchFirst ? swapFirst(n, value) : value);
    const states =
      kind === 'LSTM' ? [swapped(n.optional(5)), swapped(n.optional(6)), n.optional(7)] : [swapped(n.optional(5))];
    const x = swapped(n.input(0)) as Value;
    const isLayer =
      kind !== 'RNN' && isPlain(n, kind, attrs) && (kind === 'LSTM' || n.attr('linear_before_reset', 0) === 1);
    const layers =
      isLayer &&
      floatLayers(n, kind, attrs.reverse === 1, {
        x,
        lengths: n.optional(4),
        states: states.slice(0, kind === 'LSTM' ? 2 : 1),
      });
    if (layers) return laidOut(n, layers);
    const inputs = [x, n.input(1), n.input(2), n.optional(3), n.optional(4), ...states];
    const more: Attrs = kind === 'GRU' ? { linearBeforeReset: n.attr('linear_before_reset', 0) } : {};
    return laidOut(n, n.builder.ops(op, inputs, { ...attrs, ...more }));
  };

/** ONNX Runtime's LSTM over int8 weights, which lie transposed: [directions, in, 4 * hidden]. */
const dynamicLstm: Rule = (n) => {
  const attrs = recurrentAttrs(n, 'LSTM', directionsOf(n));
  const states = [n.optional(5), n.optional(6)];
  const layers =
    isPlain(n, 'LSTM', attrs) &&
    dynamicLayers(n, attrs.reverse === 1, { x: n.input(0), lengths: n.optional(4), states });
  if (layers) return laidOut(n, layers);
  const inputs = Array.from({ length: 12 }, (_, i) => (i > 2 && i < 8 ? n.optional(i) : n.input(i)));
  return laidOut(n, n.builder.ops('octavo::lstm_dynamic', inputs, attrs));
};

export const RECURRENT_RULES: Readonly<Record<string, Rule>> = {
  GRU: recurrent('GRU', 'octavo::gru'),
  LSTM: recurrent('LSTM', 'octavo::lstm'),
  RNN: recurrent('RNN', 'octavo::rnn'),
  'com.microsoft::DynamicQuantizeLSTM': dynamicLstm,
};

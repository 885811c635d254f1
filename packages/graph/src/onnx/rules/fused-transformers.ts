import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { cast, scalar } from './math.js';
import { dequantized, scaleOf, zeroOf } from './quantized.js';

// com.microsoft operators that ONNX Runtime's transformer optimizer joins the parts of encoders to, and those of RMS
// norm, which ONNX has since opset 23.

/** Where an output stands that a node leaves out on CPUs: the mean and 1 / deviation of a norm. */
const UNUSED_STATISTICS = 2;

/** The norm of x + skip + bias, and, where it is asked for, that sum. */
const skipNorm =
  (bias: number, norm: (n: RuleContext, x: Value) => Value): Rule =>
  (n) => {
    const terms = [n.optional(bias), n.input(1)].filter((term) => term !== null);
    const sum = terms.reduce((a, b) => n.op('aten::add', [a, b]), n.input(0));
    const y = norm(n, sum);
    if (n.node.outputs === 1) return y;
    if (n.node.outputs !== UNUSED_STATISTICS + 2) throw n.unsupported('the output mean or inv_std_var');
    return [y, sum, sum, sum];
  };

const layerNorm = (n: RuleContext, x: Value): Value =>
  n.op('aten::layer_norm', [x, n.input(2), n.optional(3)], { axes: 1, eps: n.attr('epsilon', 1e-12) });

/** x / sqrt(mean(x^2) + eps) * weight, over the dims from `axis` on. */
function rmsNorm(n: RuleContext, x: Value, weight: Value, otherwise: number): Value {
  const axis = n.attr('axis', -1);
  const axes = axis < 0 ? -axis : n.rank(x) - axis;
  const eps = n.attr('epsilon', otherwise);
  const [own, scale] = [n.builder.dims(x)?.slice(-axes).join(), n.builder.dims(weight)?.join()];
  if (own === scale) return n.op('aten::rms_norm', [x, weight], { axes, eps });
  return n.op('aten::mul', [n.op('aten::rms_norm', [x, null], { axes, eps }), weight]);
}

const simplifiedNorm: Rule = (n) => {
  if (n.node.outputs > 1) throw n.unsupported('the output inv_std_var');
  return rmsNorm(n, n.input(0), n.input(1), 1e-5);
};

/** x, or x with a bias. */
function biased(n: RuleContext): Value {
  const bias = n.optional(1);
  return bias === null ? n.input(0) : n.op('aten::add', [n.input(0), bias]);
}

/** x * sigmoid(alpha x). */
const quickGelu: Rule = (n) => {
  const x = n.input(0);
  const scaled = n.op('aten::mul', [x, scalar(n, n.attr('alpha', 1.702))]);
  return n.op('aten::mul', [x, n.op('aten::sigmoid', [scaled])]);
};

/** Which inputs of an embedding norm are what; tables give their rows for ids. */
interface Embedding {
  readonly rows: (table: number, ids: Value) => Value;
  readonly constant: (index: number) => Value;
  readonly positions: number | null;
}

/**
 * The norm of the rows of words, positions and segments (optional); the number of ones in each row of the mask, int32
 * [batch], which Attention takes as lengths; and the sum before the norm.
 */
function embedded(n: RuleContext, { rows, constant, positions }: Embedding): Value[] {
  const [ids, segments] = [n.input(0), n.optional(1)];
  const own = positions === null ? null : n.optional(positions);
  const places = own ?? n.op('octavo::arange_like', [ids], { dim: 1 });
  const words = n.op('aten::add', [rows(2, ids), rows(3, places)]);
  const sum = segments === null ? words : n.op('aten::add', [words, rows(4, segments)]);
  const y = n.op('aten::layer_norm', [sum, constant(5), constant(6)], { axes: 1, eps: n.attr('epsilon', 1e-12) });
  const mask = n.optional(7);
  const counted = mask ?? n.op('octavo::mul_integers', [cast(n, ids, 'int32'), scalar(n, 0, 'int32')]);
  const lengths = n.op('aten::sum', [cast(n, counted, 'int32')], { dims: [1], keepDim: 0 });
  return [y, lengths, sum].slice(0, n.node.outputs);
}

const embedNorm: Rule = (n) =>
  embedded(n, {
    rows: (table, ids) => n.op('aten::embedding', [n.input(table), cast(n, ids, 'int64')]),
    constant: (index) => n.input(index),
    positions: 8,
  });

/** Tables and constants are codes; scales (8 to 12) and zero points (13 to 17) in the order of inputs 2 to 6. */
const quantizedEmbedNorm: Rule = (n) => {
  const floats = (codes: Value, index: number): Value =>
    dequantized(n, codes, [n.input(index + 6), zeroOf(n, index + 11)]);
  return embedded(n, {
    rows: (table, ids) => floats(n.op('octavo::take', [n.input(table), cast(n, ids, 'int64')], { dim: 0 }), table),
    // A norm has float weights: these are computed now.
    constant: (index) => {
      const inputs = [n.input(index), scaleOf(n, n.input(index + 6)), zeroOf(n, index + 11)];
      return n.builder.ops('octavo::dequantize_linear', inputs, { axis: 1, blockSize: 0 }, 'always')[0] as Value;
    },
    positions: null,
  });
};

export const FUSED_TRANSFORMER_RULES: Readonly<Record<string, Rule>> = {
  RMSNormalization: simplifiedNorm,
  SimplifiedLayerNormalization: simplifiedNorm,
  'com.microsoft::BiasGelu': (n) => n.op('aten::gelu', [biased(n)]),
  'com.microsoft::EmbedLayerNormalization': embedNorm,
  'com.microsoft::FastGelu': (n) => n.op('aten::gelu_tanh', [biased(n)]),
  'com.microsoft::QEmbedLayerNormalization': quantizedEmbedNorm,
  'com.microsoft::QuickGelu': quickGelu,
  'com.microsoft::SimplifiedLayerNormalization': simplifiedNorm,
  'com.microsoft::SkipLayerNormalization': skipNorm(4, layerNorm),
  'com.microsoft::SkipSimplifiedLayerNormalization': skipNorm(3, (n, x) => rmsNorm(n, x, n.input(2), 1e-5)),
};

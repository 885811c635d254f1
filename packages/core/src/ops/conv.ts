import { OctavoError } from '../errors.js';
import { fma } from '../numerics/fma.js';
import { gemm } from '../numerics/gemm.js';
import { type ConvGeometry, checkOutputPadding, paddings, perAxis } from '../tensor/conv-geometry.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { ACTIVATIONS, activationOf, checkActivation } from './activation.js';
import { attrList, attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import { convDims, TapOffsets } from './conv-taps.js';
import type { Attrs, OpDef, Operand, OperandMeta, TensorMeta } from './op-def.js';

const f = Math.fround;

/**
 * Convolution over 1, 2 or 3 spatial axes, float32: x [batch, in, ...spatial], weight [out, in / groups, ...kernel],
 * bias [out] -> [batch, out, ...]. Lists hold one integer for each spatial axis, padding [begin..., end...].
 * Each output is one FMA chain from +0 over the kernel's positions in row-major order and, at each, over the input
 * channels of its group, ascending; an input in the padding is +0 and multiplies its weight as any other. The bias is
 * added after the chain, then the activation (`ACTIVATIONS`). A spatial dim of the output: `convDims`.
 */
export const conv: OpDef = {
  name: 'aten::conv',
  opcode: 39,
  inputs: ['x', 'weight', 'bias?'],
  attrs: { stride: 'ints', padding: 'ints', dilation: 'ints', groups: 'int', activation: 'int' },
  outputs: ['y'],
  infer(operands, attrs) {
    checkActivation(this.name, attrs);
    return inferConv(this.name, operands, attrs, false);
  },
  reference(operands, attrs) {
    return convolve(this.name, operands, attrs, false);
  },
};

/**
 * A convolution, the batch norm behind it and an activation: `aten::conv` without activation, then fma(y, alpha, beta) with
 * alpha and beta [out], then the activation. The bits of the ops one by one, where `batchNormAffine` gave alpha and beta.
 */
export const convAffine: OpDef = {
  name: 'octavo::conv_affine',
  opcode: 96,
  inputs: ['x', 'weight', 'bias?', 'alpha', 'beta'],
  attrs: { stride: 'ints', padding: 'ints', dilation: 'ints', groups: 'int', activation: 'int' },
  outputs: ['y'],
  infer(operands, attrs) {
    checkActivation(this.name, attrs);
    const [y] = inferConv(this.name, operands, attrs, false) as [TensorMeta];
    const out = y.dims[1] as number;
    for (const [i, name] of [
      [3, 'alpha'],
      [4, 'beta'],
    ] as const) {
      const { dims } = tensorMeta(this.name, name, operands[i], 'float32');
      if (dims.length !== 1 || dims[0] !== out) throw shapeError(this.name, `${name} [${out}]`, dims);
    }
    return [y];
  },
  reference(operands, attrs) {
    return convolve(this.name, operands, attrs, false);
  },
};

/**
 * Transposed convolution, float32: x [batch, in, ...spatial], weight [in, out / groups, ...kernel], bias [out] ->
 * [batch, out, ...]. Input i meets kernel position t at output i * stride + t * dilation - begin. Each output is one FMA
 * chain from +0 over the kernel's positions, then input channels of the group, as in `aten::conv`: a position that meets
 * no input, in the gaps of the stride or outside, multiplies its weight with +0. Then the bias.
 */
export const convTranspose: OpDef = {
  name: 'aten::conv_transpose',
  opcode: 40,
  inputs: ['x', 'weight', 'bias?'],
  attrs: { stride: 'ints', padding: 'ints', dilation: 'ints', groups: 'int', outputPadding: 'ints' },
  outputs: ['y'],
  infer(operands, attrs) {
    return inferConv(this.name, operands, attrs, true);
  },
  reference(operands, attrs) {
    return convolve(this.name, operands, attrs, true);
  },
};

/** The geometry that a weight and attributes give, or an error. */
function geometryOf(op: string, weight: Dims, attrs: Attrs, transposed: boolean): ConvGeometry {
  const rank = weight.length - 2;
  if (rank < 1 || rank > 3 || weight.includes(0)) {
    const order = transposed ? '[in, out / groups, ...kernel]' : '[out, in / groups, ...kernel]';
    throw shapeError(op, `a weight ${order} with 1, 2 or 3 kernel axes and no dim of 0`, weight);
  }
  const groups = attrNumber(attrs, 'groups', 1);
  const [first, second] = weight as [number, number];
  if (!Number.isInteger(groups) || groups < 1 || first % groups !== 0) {
    const side = transposed ? 'input' : 'output';
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op}] groups must divide the ${first} ${side} channels, got ${groups}`,
    );
  }
  const geometry: ConvGeometry = {
    inChannels: transposed ? first : second * groups,
    outChannels: transposed ? second * groups : first,
    kernel: weight.slice(2),
    stride: perAxis(op, 'stride', attrList(attrs, 'stride'), rank, 1),
    padding: paddings(op, attrList(attrs, 'padding'), rank),
    dilation: perAxis(op, 'dilation', attrList(attrs, 'dilation'), rank, 1),
    groups,
    transposed,
    outputPadding: transposed ? perAxis(op, 'outputPadding', attrList(attrs, 'outputPadding'), rank, 0) : [],
  };
  checkOutputPadding(op, geometry);
  return geometry;
}

function inferConv(
  op: string,
  [xMeta, weightMeta, biasMeta]: readonly (OperandMeta | null)[],
  attrs: Attrs,
  transposed: boolean,
): TensorMeta[] {
  const x = tensorMeta(op, 'x', xMeta, 'float32');
  const weight = tensorMeta(op, 'weight', weightMeta, 'float32');
  const geometry = geometryOf(op, weight.dims, attrs, transposed);
  const { outChannels } = geometry;
  if (biasMeta) {
    const { dims } = tensorMeta(op, 'bias', biasMeta, 'float32');
    if (dims.length !== 1 || dims[0] !== outChannels) throw shapeError(op, `bias [${outChannels}]`, dims);
  }
  return [{ dtype: 'float32', dims: convDims(op, x.dims, geometry) }];
}

/** Output positions gathered at a time: their inputs stay in the cache while all output channels read them. */
const TILE = 32;

function convolve(
  op: string,
  [x, weight, bias, alpha, beta]: readonly (Operand | null)[],
  attrs: Attrs,
  transposed: boolean,
): Tensor[] {
  const geometry = geometryOf(op, dimsOf(weight), attrs, transposed);
  const dims = convDims(op, dimsOf(x), geometry);
  const { inChannels, outChannels, groups, kernel } = geometry;
  const taps = sizeOf(kernel);
  const [perGroupIn, perGroupOut] = [inChannels / groups, outChannels / groups];
  const depth = taps * perGroupIn;
  const width = taps * inChannels;
  const input = dimsOf(x).slice(2);
  const plane = sizeOf(input);
  const positions = sizeOf(dims.slice(2));
  const rows = weightRows(floats(weight), geometry);
  const tapOffsets = new TapOffsets(geometry, input, dims.slice(2));
  const offsets = new Int32Array(TILE * taps);
  const tile = new Float32Array(TILE * width);
  const y = new Float32Array(sizeOf(dims));
  for (let first = 0; first < positions; first += TILE) {
    const count = Math.min(TILE, positions - first);
    for (let i = 0; i < count; i++) tapOffsets.at(first + i, offsets, i * taps);
    for (let n = 0; n < (dims[0] as number); n++) {
      for (let channel = 0; channel < inChannels; channel++) {
        const group = Math.floor(channel / perGroupIn);
        const to = group * depth + (channel % perGroupIn);
        gather(floats(x), (n * inChannels + channel) * plane, offsets, count, taps, tile, to, width, perGroupIn);
      }
      for (let group = 0; group < groups; group++) {
        gemm(
          { m: perGroupOut, n: count, k: depth },
          { data: rows, offset: group * perGroupOut * depth, row: depth, column: 1 },
          { data: tile, offset: group * depth, row: 1, column: width },
          { data: y, offset: (n * outChannels + group * perGroupOut) * positions + first, row: positions },
        );
      }
    }
  }
  const steps: ChannelStep[] = [];
  if (bias) steps.push((v, c) => f(v + (floats(bias)[c] as number)));
  if (alpha && beta) steps.push((v, c) => fma(v, floats(alpha)[c] as number, floats(beta)[c] as number));
  const activation = attrNumber(attrs, 'activation', ACTIVATIONS.none.code);
  if (activation !== ACTIVATIONS.none.code) steps.push(activationOf(activation));
  for (const step of steps) forChannels(y, outChannels, positions, step);
  return [new Tensor('float32', y, dims)];
}

/** One channel of a tile: tile[position, group, tap, channel of the group] = the input there, +0 outside of it. */
function gather(
  data: Float32Array,
  base: number,
  offsets: Int32Array,
  count: number,
  taps: number,
  tile: Float32Array,
  to: number,
  width: number,
  step: number,
): void {
  for (let i = 0; i < count; i++) {
    const from = i * taps;
    const at = to + i * width;
    for (let tap = 0; tap < taps; tap++) {
      const offset = offsets[from + tap] as number;
      tile[at + tap * step] = offset < 0 ? 0 : (data[base + offset] as number);
    }
  }
}

/** The weight in the order of the chains, for either form: [out, ...kernel, in / groups]. */
function weightRows(weight: Float32Array, geometry: ConvGeometry): Float32Array {
  const { inChannels, outChannels, groups, kernel, transposed } = geometry;
  const taps = sizeOf(kernel);
  const [perGroupIn, perGroupOut] = [inChannels / groups, outChannels / groups];
  const rows = new Float32Array(weight.length);
  for (let out = 0; out < outChannels; out++) {
    const group = Math.floor(out / perGroupOut);
    for (let c = 0; c < perGroupIn; c++) {
      const row = transposed ? (group * perGroupIn + c) * perGroupOut + (out % perGroupOut) : out * perGroupIn + c;
      for (let tap = 0; tap < taps; tap++) {
        rows[(out * taps + tap) * perGroupIn + c] = weight[row * taps + tap] as number;
      }
    }
  }
  return rows;
}

/** What happens to a sum of channel `c` behind its chain. */
type ChannelStep = (value: number, c: number) => number;

/** A step in place, over channels of `positions` elements. */
function forChannels(y: Float32Array, channels: number, positions: number, step: ChannelStep): void {
  for (let start = 0, row = 0; start < y.length; start += positions, row++) {
    for (let i = start; i < start + positions; i++) y[i] = step(y[i] as number, row % channels);
  }
}

import {
  type Attrs,
  type AttrValue,
  ConvPackedParams,
  type Dims,
  DTYPES,
  type DType,
  isPackedParams,
  type LinearPackedParams,
  noteResult,
  OctavoError,
  type OpDef,
  type Operand,
  type PackedParams,
  RawTensor,
  sizeOf,
  spareMemory,
  Tensor,
  type TensorMeta,
} from '@octavo/core';
import type { CallNumbers } from './call-numbers.js';
import { callNative } from './errors.js';
import type { NativeBackend, NativeOperand, PackedHandle } from './native.js';
import { packWeight } from './panels.js';

/** Gates that the weights of a recurrent op stack, whose panels lie side by side; weights of all other ops stack none. */
const GATES: Readonly<Record<string, number>> = {
  'aten::lstm_layer': 4,
  'aten::gru_layer': 3,
  'quantized::lstm_layer_dynamic': 4,
  'quantized::gru_layer_dynamic': 3,
};

/** Gates that operand `index` of an op stacks: the two weights of recurrent ops alone stack more than 1. */
export function gatesOf(op: string, index: number): number {
  return index === 1 || index === 2 ? (GATES[op] ?? 1) : 1;
}

/** Packs weights once for one native backend: the handle lives as long as the parameters it was made from. */
export class PackedWeights {
  /** By parameters, for each number of gates. */
  private readonly handles = new WeakMap<PackedParams, Map<number, PackedHandle>>();

  constructor(private readonly native: NativeBackend) {}

  of(params: PackedParams, gates: number): PackedHandle {
    const forms = this.handles.get(params) ?? new Map<number, PackedHandle>();
    this.handles.set(params, forms);
    const known = forms.get(gates);
    if (known !== undefined) return known;
    const handle = callNative(() =>
      ConvPackedParams.is(params) ? this.packConv(params) : this.packLinear(params, gates),
    );
    forms.set(gates, handle);
    return handle;
  }

  /** An operand as native code takes it; `gates` as `gatesOf` says. */
  operand(operand: Operand | null, gates = 1): NativeOperand {
    if (operand === null) return null;
    return isPackedParams(operand) ? this.of(operand, gates) : tensorOperand(operand);
  }

  private packLinear({ weight, bias, outFeatures, inFeatures }: LinearPackedParams, gates: number): PackedHandle {
    const { values, scales, zeroPoints, axis } = weight;
    const biases = bias === null ? null : bias.raw.data;
    const pack = (codes: Int8Array, given: boolean): PackedHandle =>
      this.native.packLinear(codes, outFeatures, inFeatures, scales, zeroPoints, biases, axis !== null, gates, given);
    const { raw } = values as Tensor<'int8'>;
    // Panels of gates do not give the weight back.
    return gates === 1 ? packWeight(raw, this.native, pack) : pack(raw.peek, false);
  }

  private packConv(params: ConvPackedParams): PackedHandle {
    const { weight, bias, rank, stride, dilation, padding, outputPadding, groups, transposed } = params;
    const axes = stride.flatMap((step, i) => [step, dilation[i], padding[i], padding[rank + i], outputPadding[i]]);
    return this.native.packConv(
      weight.values.raw.peek as Int8Array,
      weight.dims,
      weight.scales,
      weight.zeroPoints,
      bias === null ? null : bias.raw.data,
      weight.axis !== null,
      Float64Array.from([groups, Number(transposed), ...(axes as number[])]),
    );
  }
}

/** A tensor as native code takes it, row-major. Memory that may shrink or change under a native thread is refused by name. */
export function tensorOperand(tensor: Tensor): NativeOperand {
  const { raw, type } = tensor;
  if (!raw.unseen) checkBuffer(raw);
  return [DTYPES[type].code, raw.dims, raw.peek, false];
}

/** Refuses shared and resizable buffers: another thread or a resize could change them during a call. */
export function checkBuffer(raw: RawTensor): void {
  const buffer = raw.memory.buffer as ArrayBuffer & { resizable?: boolean };
  const kind =
    typeof SharedArrayBuffer !== 'undefined' && (buffer as unknown) instanceof SharedArrayBuffer
      ? 'a SharedArrayBuffer'
      : buffer.resizable === true
        ? 'a resizable ArrayBuffer'
        : null;
  if (kind !== null) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `tensors of native calls must not lie in ${kind}; copy the data with slice()`,
    );
  }
}

/** What an attribute that was left out means, as the references have it; a list is then empty. The others are required. */
const DEFAULTS: Readonly<Record<string, number>> = {
  activation: 0,
  relu: 0,
  shift: 0,
  nchw: 0,
  ceilMode: 0,
  countIncludePad: 0,
  divisor: 0,
  keepdim: 0,
  alignCorners: 0,
  includeLastOffset: 0,
  axes: 1,
  groups: 1,
  bits: 8,
  keepDim: 0,
  blockSize: 0,
  value: 0,
  likeDim: 0,
  'aten::batch_norm.eps': 1e-5,
  'aten::group_norm.eps': 1e-5,
  'quantized::softmax.dim': -1,
  'aten::log_softmax.dim': -1,
  'octavo::take.dim': 0,
  'aten::gather.dim': 0,
  'octavo::slice_like.dim': 0,
  'octavo::pad_from.mode': 0,
  'octavo::tri.diagonal': 0,
  'octavo::tri.upper': 1,
  'aten::argmax.dim': 0,
  'aten::argmin.dim': 0,
  last: 0,
  'aten::cumsum.dim': 0,
  exclusive: 0,
  'aten::cumsum.reverse': 0,
  'aten::topk.k': 1,
  'aten::topk.dim': -1,
  'aten::topk.largest': 1,
  'octavo::requantize_linear.axis': 1,
  'octavo::quantize_linear.axis': 1,
  'octavo::quantize_linear.dtype': DTYPES.uint8.code,
  'octavo::dequantize_linear.axis': 1,
};

/** One attribute of an op, and what it means where it is left out: undefined where it must not be. */
interface AttrSpec {
  readonly name: string;
  readonly isList: boolean;
  readonly otherwise: AttrValue | undefined;
}

const NOTHING: readonly number[] = [];
const SPECS = new Map<OpDef, readonly AttrSpec[]>();

function specsOf(def: OpDef): readonly AttrSpec[] {
  const known = SPECS.get(def);
  if (known !== undefined) return known;
  const specs = Object.entries(def.attrs).map(([name, kind]): AttrSpec => {
    const isList = kind === 'ints';
    return { name, isList, otherwise: isList ? NOTHING : (DEFAULTS[name] ?? DEFAULTS[`${def.name}.${name}`]) };
  });
  SPECS.set(def, specs);
  return specs;
}

/** Attributes that `checkAttrs` has passed as numbers, in the order of the op table: a list is its length and its elements. */
export function encodeAttrs(def: OpDef, attrs: Attrs): number[] {
  const numbers: number[] = [];
  for (const { name, isList, otherwise } of specsOf(def)) {
    const value = attrs[name] ?? otherwise;
    if (isList && Array.isArray(value)) numbers.push(value.length, ...(value as number[]));
    else if (!isList && typeof value === 'number') numbers.push(value);
    else {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${def.name}] attribute '${name}' (${def.attrs[name]}) is missing or of another kind`,
      );
    }
  }
  return numbers;
}

/** Tells a tensor in the order that its memory has just now, or row-major, and gives its data. */
export function putTensor(numbers: CallNumbers, raw: RawTensor, inAnyOrder: boolean): ArrayBufferView {
  // The read puts it in order.
  const data = inAnyOrder ? raw.memory : raw.data;
  if (!raw.unseen) checkBuffer(raw);
  putMeta(numbers, raw.dtype, raw.dims, raw.channelsLast !== null);
  return data;
}

/** Tells what `emptyTensor` made: in channels-last order also where that and row-major order are the same. */
export function putOutput(numbers: CallNumbers, raw: RawTensor, channelsLast: boolean): ArrayBufferView {
  putMeta(numbers, raw.dtype, raw.dims, channelsLast);
  return raw.memory;
}

function putMeta(numbers: CallNumbers, dtype: DType, dims: Dims, channelsLast: boolean): void {
  numbers.put(DTYPES[dtype].code + 1);
  numbers.put(channelsLast ? 1 : 0);
  numbers.list(dims);
}

/** Results below it are made of zeros, which is then cheaper. */
const SMALL_BYTES = 4096;

/** A tensor for an op to write all of; uninitialised: clearing megabytes first would cost as much as many an op. */
export function emptyTensor({ dtype, dims }: TensorMeta, channelsLast: boolean): Tensor {
  const { array, bytes } = DTYPES[dtype];
  const size = sizeOf(dims);
  const memory =
    spareMemory(dtype, size) ?? (size * bytes < SMALL_BYTES ? new array(size) : new array(uninitialised(size * bytes)));
  const raw = new RawTensor(dtype, dims, memory, { channelsLast, unseen: true });
  noteResult(raw);
  return new Tensor(raw);
}

function uninitialised(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}

import {
  clamp,
  DYNAMIC_SCHEMES,
  formatDims,
  OctavoError,
  type QuantizedTensor,
  quantizePerChannel,
  quantizePerTensor,
  type Tensor,
  withCheapestBackend,
} from '@octavo/core';
import type { ObservedQParams } from '../observed-qparams.js';
import { PerRowMinMaxObserver } from '../per-row-min-max.js';
import { PlaceholderObserver } from '../placeholder.js';
import { keepKernelSums } from './kernel-sums.js';
import { describeQConfig, type QConfig } from './qconfig.js';

/** Attributes of core's `quantized::linear_dynamic`: the granularity of its ranges, and 7 bits or 8. */
export interface DynamicLinearAttrs {
  /** 0: one range a tensor, as PyTorch. 1: one range a row. */
  readonly scheme: 0 | 1;
  readonly reduceRange: 0 | 1;
}

// By qconfig: a large graph asks for each of its linears, and the answer takes an observer to find.
const attrsOf = new WeakMap<QConfig, DynamicLinearAttrs>();

/**
 * What a qconfig means for the input of a dynamically quantized linear: the one place where eager and graph look.
 * A dynamic placeholder gives PyTorch's scheme, `PerRowMinMaxObserver` ours.
 */
export function dynamicLinearAttrs(qconfig: QConfig): DynamicLinearAttrs {
  const attrs = attrsOf.get(qconfig) ?? findAttrs(qconfig);
  attrsOf.set(qconfig, attrs);
  return attrs;
}

function findAttrs(qconfig: QConfig): DynamicLinearAttrs {
  const { typeName } = qconfig.activation.observerClass;
  const observer = qconfig.activation() as PerRowMinMaxObserver | PlaceholderObserver;
  const perRow = typeName === PerRowMinMaxObserver.typeName;
  const perTensor = typeName === PlaceholderObserver.typeName && observer.isDynamic && observer.dtype === 'quint8';
  if (!perRow && !perTensor) {
    throw new OctavoError(
      'UNSUPPORTED',
      `${describeQConfig(qconfig)} is no qconfig for dynamic int8 quantization: its activations must have their range ` +
        'taken at run time as quint8; use perRowDynamicQConfig, perChannelDynamicQConfig or defaultDynamicQConfig',
    );
  }
  return {
    scheme: perRow ? DYNAMIC_SCHEMES.perRow : DYNAMIC_SCHEMES.perTensor,
    reduceRange: observer.reduceRange ? 1 : 0,
  };
}

/**
 * The int8 codes of a weight by a qconfig's weight observer: float32 [out, in] -> qint8, per tensor or per channel.
 * Codes are clamped to the observer's range where that is narrower than int8 (PyTorch, `_clamp_weights`), and rounded
 * so that sums keep where the qconfig asks for it.
 * NaN and infinities are refused: a weight that holds them is broken, and its codes would hide it.
 */
export function quantizeWeight(weight: Tensor, qconfig: QConfig): QuantizedTensor {
  if (weight.type !== 'float32') {
    throw new OctavoError(
      'INVALID_DTYPE',
      `weight: expected float32, got ${weight.type} ${formatDims(weight.raw.dims)}; convert it with F.to(weight, 'float32')`,
    );
  }
  const observer = qconfig.weight();
  if ((observer as { dtype?: string }).dtype !== 'qint8') {
    throw new OctavoError(
      'UNSUPPORTED',
      `weight: ${describeQConfig(qconfig)} asks for ${(observer as { dtype?: string }).dtype} weights; dynamic int8 ` +
        'linears take qint8, such as defaultPerChannelWeightObserver gives',
    );
  }
  const { data } = (weight as Tensor<'float32'>).raw;
  checkFinite(data);
  const { qparams, codes } = withCheapestBackend(data.length, () => {
    observer.observe(weight);
    const qparams = observer.calculateQParams();
    return { qparams, codes: quantizeWeightAs(weight, qparams) };
  });
  if (qconfig.keepKernelSums === true) keepKernelSums(weight as Tensor<'float32'>, codes, qparams);
  return codes;
}

/** The int8 codes of a finite float32 weight by scales and zero points that are known, clamped to their range. */
export function quantizeWeightAs(weight: Tensor, qparams: ObservedQParams): QuantizedTensor {
  const { scales, zeroPoints, axis, quantMin, quantMax } = qparams;
  const codes =
    axis === null
      ? quantizePerTensor(weight, scales[0] as number, zeroPoints[0] as number, 'qint8')
      : quantizePerChannel(weight, scales, zeroPoints, axis, 'qint8');
  if (quantMin > -128 || quantMax < 127) {
    const values = codes.values.raw.data;
    for (let i = 0; i < values.length; i++) values[i] = clamp(values[i] as number, quantMin, quantMax);
  }
  return codes;
}

function checkFinite(data: Float32Array): void {
  // 0 times a number is 0, times NaN and infinities NaN: one pass without branches clears most weights.
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += (data[i] as number) * 0;
  if (zero === 0) return;
  for (let i = 0; i < data.length; i++) {
    const x = data[i] as number;
    if (x - x === 0) continue;
    throw new OctavoError(
      'INVALID_DATA',
      `weight: element ${i} is ${x}; a weight must be finite to be quantized. Check the file it was loaded from, or keep ` +
        'this module float with null in the qconfig map',
    );
  }
}

import { inverseScale, OctavoError, quantizeValue, Tensor } from '@octavo/core';
import { describeQConfig, type QConfig } from './qconfig.js';

/** A weight [out, in] in unsigned codes, with a scale and zero point for every group of inputs of an output. */
export interface GroupedWeight {
  readonly bits: 8 | 4;
  readonly groupSize: number;
  /** uint8 [out, in * bits / 8]; of 4-bit codes the first lies in the lower half. */
  readonly codes: Tensor<'uint8'>;
  /** float32 [out, groups]. */
  readonly scales: Tensor<'float32'>;
  /** uint8 [out, groups]. */
  readonly zeroPoints: Tensor<'uint8'>;
}

/** True for a qconfig that makes linears of quantized weights and float arithmetic, such as `weightOnlyInt4QConfig`. */
export function isWeightOnlyQConfig(qconfig: QConfig): boolean {
  const activation = qconfig.activation() as { typeName: string; dtype?: string };
  const { dtype, qscheme } = qconfig.weight() as unknown as { dtype: string; qscheme?: string };
  const isFloat = activation.typeName === 'PlaceholderObserver' && activation.dtype === 'float32';
  return isFloat && dtype === 'quint8' && qscheme === 'per_channel_affine';
}

/**
 * The codes of a weight float32 [out, in] by a weight-only qconfig: its observer sees each group of `groupSize` inputs
 * (all inputs where the qconfig names none) as a channel. Codes of at most 15 are packed two in a byte.
 */
export function packGroups(weight: Tensor, qconfig: QConfig): GroupedWeight {
  const { data, dims } = (weight as Tensor<'float32'>).raw;
  const [out, width] = dims as [number, number];
  const groupSize = Math.min(qconfig.groupSize ?? width, width);
  const groups = Math.ceil(width / groupSize);
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at >= 0) {
    throw new OctavoError(
      'INVALID_DATA',
      `weight: element ${at} is ${data[at]}; a weight must be finite to be quantized`,
    );
  }
  // A last group that is shorter is filled with zeros, which every range holds.
  const channels = new Float32Array(out * groups * groupSize);
  for (let row = 0; row < out; row++)
    channels.set(data.subarray(row * width, (row + 1) * width), row * groups * groupSize);
  const observer = qconfig.weight();
  observer.observe(new Tensor('float32', channels, [out * groups, groupSize]));
  const { scales, zeroPoints, quantMin, quantMax } = observer.calculateQParams();
  const bits = quantMax <= 15 ? 4 : 8;
  const perByte = 8 / bits;
  if (width % perByte !== 0) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `weight: ${describeQConfig(qconfig)} packs two codes in a byte, so a linear needs an even number of inputs, got ${width}`,
    );
  }
  const codes = new Uint8Array((out * width) / perByte);
  for (let i = 0; i < out * width; i++) {
    const group = Math.floor(i / width) * groups + Math.floor((i % width) / groupSize);
    const inverse = inverseScale(scales[group] as number);
    const code = quantizeValue(data[i] as number, inverse, zeroPoints[group] as number, quantMin, quantMax);
    const byte = Math.floor(i / perByte);
    codes[byte] = (codes[byte] as number) | (code << ((i % perByte) * bits));
  }
  return {
    bits,
    groupSize,
    codes: new Tensor('uint8', codes, [out, width / perByte]),
    scales: new Tensor('float32', Float32Array.from(scales), [out, groups]),
    zeroPoints: new Tensor('uint8', Uint8Array.from(zeroPoints), [out, groups]),
  };
}

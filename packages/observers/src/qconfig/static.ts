import { OctavoError } from '@octavo/core';
import { FakeQuantize } from '../fake-quantize/fake-quantize.js';
import { describeQConfig, type QConfig } from './qconfig.js';

/**
 * Refuses a qconfig that static quantization cannot use: its activation observer must remember ranges as quint8, its
 * weight observer must give qint8. Gives the qconfig back.
 */
export function checkStaticQConfig(qconfig: QConfig): QConfig {
  const activation = qconfig.activation() as { dtype?: string; isDynamic?: boolean; typeName: string };
  const ranged = !['PlaceholderObserver', 'PerRowMinMaxObserver', 'NoopObserver'].includes(activation.typeName);
  if (!ranged || activation.dtype !== 'quint8') {
    throw new OctavoError(
      'UNSUPPORTED',
      `${describeQConfig(qconfig)} is no qconfig for static int8 quantization: its activations must be observed as quint8 ` +
        `(got ${activation.typeName} of ${activation.dtype ?? 'no dtype'}); use getDefaultQConfig('fbgemm'), or quantizeDynamic for dynamic ones`,
    );
  }
  const weight = qconfig.weight() as { dtype?: string };
  if (weight.dtype !== 'qint8') {
    throw new OctavoError(
      'UNSUPPORTED',
      `${describeQConfig(qconfig)} asks for ${weight.dtype ?? 'float'} weights; static int8 ops take qint8, such as ` +
        'defaultPerChannelWeightObserver gives',
    );
  }
  return qconfig;
}

/** Refuses a qconfig that training with the errors of static quantization cannot use. Gives the qconfig back. */
export function checkQatQConfig(qconfig: QConfig): QConfig {
  const [activation, weight] = [qconfig.activation(), qconfig.weight()];
  const rounds = activation instanceof FakeQuantize && weight instanceof FakeQuantize;
  if (!rounds || activation.isDynamic) {
    throw new OctavoError(
      'UNSUPPORTED',
      `${describeQConfig(qconfig)} does not fake-quantize activations and weights by ranges that training finds; use ` +
        "getDefaultQatQConfig('fbgemm'), or prepare to calibrate without training",
    );
  }
  return checkStaticQConfig(qconfig);
}

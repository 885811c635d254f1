import { OctavoError } from '../errors.js';
import type { QuantizedTensor } from './quantized-tensor.js';

/**
 * Refuses scales of qint8 weights that are not positive and finite, and zero points that are no int8 codes: a damaged
 * file may hold any, and kernels would compute on with them, each in its own way.
 */
export function checkWeightQParams(where: string, { scales, zeroPoints }: QuantizedTensor): void {
  for (const scale of scales) {
    if (scale > 0 && scale < Number.POSITIVE_INFINITY) continue;
    throw new OctavoError('INVALID_DATA', `[${where}] a weight's scale must be positive and finite, got ${scale}`);
  }
  for (const zeroPoint of zeroPoints) {
    if (zeroPoint >= -128 && zeroPoint <= 127) continue;
    throw new OctavoError(
      'INVALID_DATA',
      `[${where}] a zero point of qint8 weights must be from -128 to 127, got ${zeroPoint}`,
    );
  }
}

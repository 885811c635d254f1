import { isOctavoError, LinearPackedParams, OctavoError, type Tensor } from '@octavo/core';
import { type QConfig, quantizeWeight } from '@octavo/observers';

/** A float weight and bias of a module with several, packed by a qconfig; errors name the parameter. */
export function packWeight(name: string, weight: Tensor, bias: Tensor | null, qconfig: QConfig): LinearPackedParams {
  try {
    return new LinearPackedParams(quantizeWeight(weight, qconfig), bias);
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    const message = error.message.replace(/^weight: /, '');
    throw new OctavoError(error.code, `${name}: ${message}`, { cause: error, details: error.details });
  }
}

import { OctavoError, type Q, type StateDict, type Tensor } from '@octavo/core';
import { floatScalar, integerTensor } from '../dynamic/packed-state.js';

/** A module that has its output's qparams as properties. */
interface WithOutput extends Q.OutputQParams {
  readonly typeName: string;
}

/** `scale` float32 [] and `zero_point` int64 []: of a module's output, as PyTorch names them. */
export function outputState({ scale, zeroPoint }: Q.OutputQParams): StateDict {
  return { scale: floatScalar(scale), zero_point: integerTensor(zeroPoint) };
}

/** Takes what `outputState` gave, in part or whole; an unusable scale or zero point is refused. */
export function loadOutputState(module: WithOutput, state: StateDict): void {
  const { scale: scaleTensor, zero_point: zeroPointTensor } = state as { scale?: Tensor; zero_point?: Tensor };
  const scale = scaleTensor === undefined ? module.scale : Number(scaleTensor.raw.data[0]);
  const zeroPoint = zeroPointTensor === undefined ? module.zeroPoint : Number(zeroPointTensor.raw.data[0]);
  if (!(scale > 0 && Number.isFinite(scale) && zeroPoint >= 0 && zeroPoint <= 255)) {
    throw new OctavoError(
      'INVALID_DATA',
      `[${module.typeName}] expected a positive scale and a zero point from 0 to 255, got ${scale} and ${zeroPoint}; quantize the model again`,
    );
  }
  Object.assign(module, { scale, zeroPoint });
}

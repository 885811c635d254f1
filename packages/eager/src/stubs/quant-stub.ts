import {
  dequantize,
  Module,
  OctavoError,
  type Q,
  QuantizedTensor,
  quantizePerTensor,
  type StateDict,
  type Tensor,
} from '@octavo/core';
import { loadOutputState, outputState } from '../static/output-state.js';

type OfTensor = (x: Tensor) => Tensor;

/** Where a model's values become codes: before conversion it passes them on, and its observer sees them. */
export class QuantStub extends Module<OfTensor> {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Where codes become float values again: before conversion it passes them on. */
export class DeQuantStub extends Module<OfTensor> {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** The converted `QuantStub`: float32 of any shape -> quint8 codes by the calibrated scale and zero point. */
export class Quantize extends Module<(x: Tensor) => QuantizedTensor> {
  scale: number;
  zeroPoint: number;

  constructor({ scale, zeroPoint }: Q.OutputQParams) {
    super();
    this.scale = scale;
    this.zeroPoint = zeroPoint;
  }

  forward(x: Tensor): QuantizedTensor {
    if (QuantizedTensor.is(x)) {
      throw new OctavoError(
        'INVALID_DTYPE',
        '[Quantize] x is quantized already; one QuantStub stands where values enter, and a DeQuantStub before the next',
      );
    }
    if (x.type !== 'float32') {
      throw new OctavoError(
        'INVALID_DTYPE',
        `[Quantize] x must be float32, got ${x.type}; convert it with F.to(x, 'float32')`,
      );
    }
    return quantizePerTensor(x, this.scale, this.zeroPoint);
  }

  override extraRepr(): string {
    return `scale=${this.scale}, zero_point=${this.zeroPoint}, dtype=torch.quint8`;
  }

  override ownState(): StateDict {
    return outputState(this);
  }

  override loadOwnState(state: StateDict): void {
    loadOutputState(this, state);
  }
}

/** The converted `DeQuantStub`: codes -> float32 of the same shape. */
export class DeQuantize extends Module<(x: QuantizedTensor) => Tensor<'float32'>> {
  forward(x: QuantizedTensor): Tensor<'float32'> {
    if (QuantizedTensor.is(x)) return dequantize(x);
    throw new OctavoError(
      'INVALID_DTYPE',
      '[DeQuantize] x is float already; a DeQuantStub stands behind the last quantized module, and a QuantStub before the first',
    );
  }
}

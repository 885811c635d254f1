import { F, nn, type Tensor } from '@octavo/core';
import { narrowInto, narrowOwnWeights } from './narrow-weights.js';

/**
 * A linear with float16 weights and float32 arithmetic, `aten::linear` on the widened weight: PyTorch's
 * `DynamicQuantizedLinear` of dtype float16. weight [out, in] float16, bias [out] float32 or null.
 */
export class Float16Linear extends nn.Linear {
  constructor(inFeatures: number, outFeatures: number, options: { bias?: boolean } = {}) {
    super(inFeatures, outFeatures, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float linear. */
  static fromFloat(linear: nn.Linear): Float16Linear {
    const { inFeatures, outFeatures } = linear;
    const half = nn.skipInit(() => new Float16Linear(inFeatures, outFeatures, { bias: linear.bias !== null }));
    return narrowInto(half, linear);
  }

  override forward(x: Tensor): Tensor<'float32'> {
    return F.linear(x, F.toFloat(this.weight), this.bias);
  }

  override get typeName(): string {
    return 'DynamicQuantizedLinear';
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, dtype=torch.float16`;
  }
}

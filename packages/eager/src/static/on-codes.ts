import { Module, OctavoError, type Q, QuantizedTensor, type StateDict, type Tensor } from '@octavo/core';
import { isExactly } from '../convert/module-class.js';
import { CODE_FUNCTIONS, type CodeFunction } from './code-functions.js';
import { loadOutputState, outputState } from './output-state.js';

/** What runs a module on tensors or codes, and gives back the same kind. */
type OfEither = (x: Tensor | QuantizedTensor) => Tensor | QuantizedTensor;

/** Options of a form on codes. */
export interface OnCodesOptions {
  /** The calibrated scale and zero point of classes that are observed. */
  readonly output?: Q.OutputQParams | null;
  /** Clamps below at 0, in the same requantization: a batch norm with a relu fused to it. */
  readonly relu?: boolean;
}

/**
 * The form on codes of a float module without int8 weights: norms, activations, pools and what only moves values. What
 * it does is a row of `CODE_FUNCTIONS`. Classes that PyTorch runs on either kind take float tensors as well: a
 * Softmax behind the DeQuantStub stays what it was.
 *
 * Its state dict is the float module's (norms keep their float32 weights), and `scale` and `zero_point` where it is
 * observed.
 */
export class OnCodes extends Module<OfEither> {
  /** @internal For `nn.Sequential`: neither its input nor its output is reachable from it after a call. */
  static readonly keepsNothing = true;

  /** Which kind of values came last: what the coverage report tells of. Null before any. */
  ran: 'int8' | 'float32' | null = null;
  scale: number;
  zeroPoint: number;
  readonly relu: boolean;
  private readonly row: CodeFunction;
  /** The float module that it is a form of; hidden, for it is no child. */
  declare readonly float: Module;

  constructor(float: Module, { output = null, relu = false }: OnCodesOptions = {}) {
    super();
    const row = codeFunctionOf(float);
    if (row === undefined) {
      throw new OctavoError('UNSUPPORTED', `[OnCodes] ${float.typeName} has no form on codes`, {
        details: { type: float.typeName },
      });
    }
    if (row.observed && output === null) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[OnCodes] ${float.typeName} needs the scale and zero point of its output`,
      );
    }
    this.row = row;
    Object.defineProperty(this, 'float', { enumerable: false, writable: true, configurable: true, value: float });
    this.relu = relu;
    this.scale = output?.scale ?? 1;
    this.zeroPoint = output?.zeroPoint ?? 0;
  }

  /** Whether the output has a calibrated scale and zero point. */
  get observed(): boolean {
    return this.row.observed;
  }

  forward(x: Tensor | QuantizedTensor): Tensor | QuantizedTensor {
    if (QuantizedTensor.is(x)) {
      this.ran = 'int8';
      const output = { scale: this.scale, zeroPoint: this.zeroPoint, relu: this.relu };
      return this.row.run(x, this.float, output);
    }
    if (!this.row.takesFloat) {
      throw new OctavoError(
        'INVALID_DTYPE',
        `[${this.typeName}] expected codes, got a float tensor; put a QuantStub where values enter the quantized part`,
      );
    }
    this.ran = 'float32';
    return this.float.forward(x) as Tensor;
  }

  override get typeName(): string {
    return this.relu ? this.row.name.replace('BatchNorm', 'BNReLU') : this.row.name;
  }

  override extraRepr(): string {
    const own = this.float.extraRepr();
    const output = `scale=${this.scale}, zero_point=${this.zeroPoint}`;
    return [...(own === '' ? [] : [own]), ...(this.observed ? [output] : [])].join(', ');
  }

  override ownState(): StateDict {
    return { ...this.float.ownState(), ...(this.observed ? outputState(this) : {}) };
  }

  override loadOwnState({ scale, zero_point, ...float }: StateDict): void {
    this.float.loadOwnState(float);
    loadOutputState(this, { ...(scale && { scale }), ...(zero_point && { zero_point }) });
  }
}

/** The row of a float module's class. */
export function codeFunctionOf(module: Module): CodeFunction | undefined {
  return CODE_FUNCTIONS.find(({ float }) => isExactly(module, float));
}

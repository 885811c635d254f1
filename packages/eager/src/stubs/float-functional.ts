import { F, Module, OctavoError, Q, type QuantizedTensor, type StateDict, type Tensor } from '@octavo/core';
import { observationOf } from '../convert/observation.js';
import { loadOutputState, outputState } from '../static/output-state.js';

/** A tensor before conversion, codes after it. */
type Value = Tensor | QuantizedTensor;

/**
 * Functions of values in a model that is to be quantized: what a `forward` would call as `F.add` or `F.cat` has no
 * observer and no codes. Before conversion the functions compute in float and one observer sees the results of all of
 * them; after it, the model holds a `QFunctional` in the same place. One for each call, as PyTorch advises: an observer
 * has one range.
 */
export class FloatFunctional extends Module<() => never> {
  forward(): never {
    throw new OctavoError(
      'UNSUPPORTED',
      `[${this.typeName}] it has no forward; call one of its functions, such as add`,
    );
  }

  add<V extends Value>(a: V, b: V): V {
    return this.observed(F.add(a as Tensor, b as Tensor));
  }

  /** max(a + b, 0). */
  addRelu<V extends Value>(a: V, b: V): V {
    return this.observed(F.relu(F.add(a as Tensor, b as Tensor)));
  }

  mul<V extends Value>(a: V, b: V): V {
    return this.observed(F.mul(a as Tensor, b as Tensor));
  }

  /** a [..., m, k] times b [..., k, n]. */
  matmul<V extends Value>(a: V, b: V): V {
    return this.observed(F.matmul(a as Tensor, b as Tensor));
  }

  cat<V extends Value>(values: readonly V[], dim = 0): V {
    return this.observed(F.cat(values as unknown as readonly Tensor[], dim));
  }

  /** x + other; not observed, as codes keep their meaning under a moved zero point. */
  addScalar<V extends Value>(x: V, other: number): V {
    return F.add(x as Tensor, other) as V;
  }

  /** x * other; not observed, as codes keep their meaning under another scale. */
  mulScalar<V extends Value>(x: V, other: number): V {
    return F.mul(x as Tensor, other) as V;
  }

  private observed<V extends Value>(x: Tensor): V {
    return (observationOf(this)?.observe(x) ?? x) as V;
  }
}

/** The converted `FloatFunctional`: the same functions of codes, with the calibrated scale and zero point. */
export class QFunctional extends Module<() => never> {
  scale: number;
  zeroPoint: number;

  constructor({ scale, zeroPoint }: Q.OutputQParams) {
    super();
    this.scale = scale;
    this.zeroPoint = zeroPoint;
  }

  forward(): never {
    throw new OctavoError(
      'UNSUPPORTED',
      `[${this.typeName}] it has no forward; call one of its functions, such as add`,
    );
  }

  add(a: QuantizedTensor, b: QuantizedTensor): QuantizedTensor {
    return Q.add(a, b, this);
  }

  addRelu(a: QuantizedTensor, b: QuantizedTensor): QuantizedTensor {
    return Q.add(a, b, { scale: this.scale, zeroPoint: this.zeroPoint, relu: true });
  }

  mul(a: QuantizedTensor, b: QuantizedTensor): QuantizedTensor {
    return Q.mul(a, b, this);
  }

  matmul(a: QuantizedTensor, b: QuantizedTensor): QuantizedTensor {
    return Q.matmul(a, b, this);
  }

  cat(values: readonly QuantizedTensor[], dim = 0): QuantizedTensor {
    return Q.cat(values, dim, this);
  }

  addScalar(x: QuantizedTensor, other: number): QuantizedTensor {
    return Q.addScalar(x, other);
  }

  mulScalar(x: QuantizedTensor, other: number): QuantizedTensor {
    return Q.mulScalar(x, other);
  }

  override extraRepr(): string {
    return `scale=${this.scale}, zero_point=${this.zeroPoint}`;
  }

  override ownState(): StateDict {
    return outputState(this);
  }

  override loadOwnState(state: StateDict): void {
    loadOutputState(this, state);
  }
}

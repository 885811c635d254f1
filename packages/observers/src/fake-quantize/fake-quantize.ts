import {
  didYouMean,
  fakeQuantizePerChannel,
  fakeQuantizePerTensor,
  formatDims,
  OctavoError,
  Tensor,
} from '@octavo/core';
import { MovingAverageMinMaxObserver } from '../moving-average-min-max.js';
import type { MovingAveragePerChannelObserverOptions } from '../moving-average-per-channel-min-max.js';
import { ObservedQParams } from '../observed-qparams.js';
import { Observer, type ObserverClass, type ObserverJSON } from '../observer.js';
import type { ObserverFactory } from '../observer-factory.js';
import { RANGE_OBSERVERS, type RangeObserver } from '../range-observers.js';
import { straightThroughMask } from './straight-through.js';

/** `observer` and `isDynamic` are its own; all others are options of the observer, which must have them. */
export interface FakeQuantizeOptions extends MovingAveragePerChannelObserverOptions {
  /** What finds the range: a class, or a factory whose options those given here replace. Moving averages by default. */
  observer?: ObserverClass | ObserverFactory;
  /** True where the converted module takes its ranges at run time. */
  isDynamic?: boolean;
  /** Of the observers with a histogram. */
  bins?: number;
  /** Of a PercentileObserver. */
  percentile?: number;
}

/**
 * Rounds tensors to what their codes will stand for, so that a network is trained with its quantization errors
 * (PyTorch's class of that name): its observer looks at a tensor, then the tensor is quantized and dequantized,
 * y = (clamp(zeroPoint + rint(x / scale)) - zeroPoint) * scale. `gradient` is what backpropagation needs of it.
 */
export class FakeQuantize extends Observer {
  static override readonly typeName: string = 'FakeQuantize';
  /** What finds the range. */
  observer: RangeObserver;
  readonly isDynamic: boolean;
  /** False freezes scale and zero point (PyTorch: `disable_observer`). */
  observerEnabled = true;
  /** False lets tensors pass as they are (PyTorch: `disable_fake_quant`). */
  fakeQuantEnabled = true;
  private current: ObservedQParams;

  constructor({ observer = MovingAverageMinMaxObserver, isDynamic = false, ...given }: FakeQuantizeOptions = {}) {
    super();
    this.observer = this.makeObserver(observer, given);
    this.isDynamic = isDynamic;
    this.current = this.qparamsBefore();
  }

  get dtype(): RangeObserver['dtype'] {
    return this.observer.dtype;
  }

  get quantMin(): number {
    return this.observer.quantMin;
  }

  get quantMax(): number {
    return this.observer.quantMax;
  }

  override get isEmpty(): boolean {
    return this.observer.isEmpty;
  }

  /** The scale in force, or all of them per channel; 1 before any tensor. */
  get scale(): number | Float32Array {
    return this.current.scale;
  }

  /** The zero point in force, or all of them per channel; 0 before any tensor. */
  get zeroPoint(): number | Int32Array | Float32Array {
    return this.current.zeroPoint;
  }

  /** Looks at x (float32, any shape) and gives it back quantized and dequantized; each step has its switch. */
  observe(x: Tensor): Tensor {
    if (this.observerEnabled && x.raw.data.length > 0) {
      this.observer.observe(x);
      this.current = this.observer.calculateQParams();
    }
    return this.round(x);
  }

  /** x quantized and dequantized by the scale and zero point in force; as it is while fake quantization is off. */
  round(x: Tensor): Tensor {
    if (!this.fakeQuantEnabled) return x;
    const { scales, zeroPoints, axis, quantMin: qmin, quantMax: qmax } = this.current;
    return axis === null
      ? fakeQuantizePerTensor(x, scales[0] as number, zeroPoints[0] as number, { qmin, qmax })
      : fakeQuantizePerChannel(x, scales, zeroPoints, axis, { qmin, qmax });
  }

  /**
   * dy/dx at x, float32 of x's dims, by the straight-through estimator: 1 where x lies within the range of codes, 0
   * where it was clamped. Multiply the gradient that arrives with it. All 1 while fake quantization is off.
   */
  gradient(x: Tensor): Tensor<'float32'> {
    if (x.type !== 'float32') {
      throw new OctavoError(
        'INVALID_DTYPE',
        `[${this.typeName}.gradient] x must be float32, got ${x.type} ${formatDims(x.raw.dims)}`,
      );
    }
    if (!this.fakeQuantEnabled) return new Tensor('float32', new Float32Array(x.raw.data.length).fill(1), x.raw.dims);
    return straightThroughMask(x as Tensor<'float32'>, this.current);
  }

  /** The observer's, for conversion. */
  calculateQParams(): ObservedQParams {
    return this.observer.calculateQParams();
  }

  /** Forgets ranges, scale and zero point; the switches stay. */
  reset(): void {
    this.observer.reset();
    this.current = this.qparamsBefore();
  }

  /** The observers' ranges; scale and zero point follow from them. */
  protected override mergeState(other: this): void {
    this.observer.merge(other.observer);
    this.current = this.observer.calculateQParams();
  }

  /** Scale and zero point before any tensor. */
  protected qparamsBefore(): ObservedQParams {
    const { dtype, quantMin, quantMax } = this.observer;
    const [scales, zeroPoints] = [Float32Array.of(1), Int32Array.of(0)];
    return new ObservedQParams({ dtype, quantMin, quantMax, scales, zeroPoints, axis: null });
  }

  /** Which observers it may hold, by name. */
  protected get observerNames(): readonly string[] {
    return RANGE_OBSERVERS.map(({ typeName }) => typeName);
  }

  private makeObserver(chosen: ObserverClass | ObserverFactory, given: object): RangeObserver {
    const { observerClass, args } = 'observerClass' in chosen ? chosen : { observerClass: chosen, args: {} };
    const { observerNames } = this;
    if (!observerNames.includes(observerClass.typeName)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.typeName}] observer must be one of ${observerNames.join(', ')}, got ${observerClass.typeName}`,
      );
    }
    const observer = new observerClass({ ...args, ...given }) as RangeObserver;
    const known = Object.keys(observer.toJSON().options);
    const option = Object.entries(given).find(([name, value]) => value !== undefined && !known.includes(name))?.[0];
    if (option === undefined) return observer;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${this.typeName}] ${observerClass.typeName} has no option '${option}'${didYouMean(option, known)}`,
    );
  }

  /** An object of `toJSON`; the observer's class goes by its name there. */
  static override fromJSON<O extends Observer>(this: ObserverClass<O>, json: ObserverJSON): O {
    const name = json?.options?.observer;
    const observer = RANGE_OBSERVERS.find(({ typeName }) => typeName === name);
    // biome-ignore lint/complexity/noThisInStatic: the subclass that it is called on.
    const { typeName } = this;
    if (json?.type === typeName && observer === undefined) {
      throw new OctavoError('UNKNOWN_NAME', `[${typeName}.fromJSON] unknown observer '${name}' in the options`);
    }
    // biome-ignore lint/complexity/noThisInStatic: the base's function on this class.
    return Observer.fromJSON.call(this, { ...json, options: { ...json?.options, observer } }) as O;
  }

  protected override optionsJSON(): Record<string, unknown> {
    const { type, options } = this.observer.toJSON();
    return { observer: type, ...(this.isDynamic ? { isDynamic: true } : {}), ...options };
  }

  protected override stateJSON(): Record<string, unknown> {
    const { observerEnabled, fakeQuantEnabled } = this;
    const { scales, zeroPoints, axis } = this.current;
    const qparams = { scales: Array.from(scales), zeroPoints: Array.from(zeroPoints), axis };
    return { observerEnabled, fakeQuantEnabled, ...qparams, observer: this.observer.toJSON() };
  }

  protected override loadStateJSON(state: Readonly<Record<string, unknown>>): void {
    const { observerEnabled, fakeQuantEnabled, scales, zeroPoints, axis, observer } = state;
    const numbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
    if (!numbers(scales) || !numbers(zeroPoints) || scales.length !== zeroPoints.length || scales.length === 0) {
      throw new OctavoError(
        'INVALID_DATA',
        `[${this.typeName}.fromJSON] expected scales and zeroPoints, two lists of numbers of one length, in the state`,
      );
    }
    const { observer: own } = this;
    this.observer = (own.constructor as unknown as { fromJSON(json: ObserverJSON): RangeObserver }).fromJSON(
      observer as ObserverJSON,
    );
    this.observerEnabled = observerEnabled !== false;
    this.fakeQuantEnabled = fakeQuantEnabled !== false;
    const { dtype, quantMin, quantMax } = own;
    const codes = zeroPoints.every(Number.isInteger) ? Int32Array.from(zeroPoints) : Float32Array.from(zeroPoints);
    const fields = {
      scales: Float32Array.from(scales),
      zeroPoints: codes,
      axis: typeof axis === 'number' ? axis : null,
    };
    this.current = new ObservedQParams({ dtype, quantMin, quantMax, ...fields });
  }
}

import { OctavoError, type Tensor } from '@octavo/core';
import type { ObservedQParams } from './observed-qparams.js';
import { makeFactory, type ObserverFactory } from './observer-factory.js';

const BRAND = Symbol.for('@octavo/Observer.v1');

/** An observer as JSON: what it was made with, and what it has seen. */
export interface ObserverJSON {
  /** The class, by name: `MinMaxObserver`. */
  readonly type: string;
  readonly version: 1;
  readonly options: Readonly<Record<string, unknown>>;
  readonly state: Readonly<Record<string, unknown>>;
}

/** A class of observers, made with one object of options. */
// biome-ignore lint/suspicious/noExplicitAny: each observer types its own options.
export interface ObserverClass<O extends Observer = Observer, P = any> {
  new (options?: P): O;
  readonly typeName: string;
}

/**
 * Watches tensors on their way and turns what it saw into scales and zero points. Subclasses say what they keep;
 * none of them changes a tensor but `FakeQuantize`, whose work that is.
 */
export abstract class Observer {
  /** The class by name, in files and messages; it outlives minified class names. */
  static readonly typeName: string;

  static {
    Object.defineProperty(Observer.prototype, BRAND, { value: true });
  }

  /** Looks at a tensor and gives back what goes on: the tensor as it came. Empty tensors change nothing. */
  abstract observe(x: Tensor): Tensor;

  /** Scales and zero points for what was seen so far. */
  abstract calculateQParams(): ObservedQParams;

  /** Forgets all that was seen. */
  abstract reset(): void;

  /** True where `calculateQParams` needs data and none was seen yet. */
  get isEmpty(): boolean {
    return false;
  }

  /**
   * Takes in what another observer has seen, for calibration in shards: of the same class, with the same options. The
   * other stays as it is. Result: this observer.
   */
  merge(other: Observer): this {
    const { typeName } = this;
    if (!Observer.is(other) || other.typeName !== typeName) {
      const got = Observer.is(other) ? other.typeName : String(other);
      throw new OctavoError('INVALID_ARGUMENT', `[${typeName}.merge] expected another ${typeName}, got ${got}`);
    }
    const [mine, theirs] = [this.optionsJSON(), other.optionsJSON()];
    for (const name of Object.keys({ ...mine, ...theirs })) {
      if (mine[name] === theirs[name]) continue;
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${typeName}.merge] observers must have the same options: ${name} is ${mine[name]} here and ${theirs[name]} there`,
      );
    }
    this.mergeState(other as this);
    return this;
  }

  /** Joins the statistics of an observer of this class and these options; nothing to do for those without any. */
  protected abstract mergeState(other: this): void;

  /** The options that make an observer like this one. */
  protected abstract optionsJSON(): Record<string, unknown>;

  /** What was seen, as JSON; observers without a memory keep the empty object. */
  protected stateJSON(): Record<string, unknown> {
    return {};
  }

  /** Takes what `stateJSON` gave. */
  protected loadStateJSON(_state: Readonly<Record<string, unknown>>): void {}

  get typeName(): string {
    return (this.constructor as unknown as ObserverClass).typeName;
  }

  toJSON(): ObserverJSON {
    return { type: this.typeName, version: 1, options: this.optionsJSON(), state: this.stateJSON() };
  }

  /** An observer from `toJSON`'s object, statistics included; the class must be this one. */
  static fromJSON<O extends Observer>(this: ObserverClass<O>, json: ObserverJSON): O {
    // biome-ignore lint/complexity/noThisInStatic: the subclass that it is called on.
    const { typeName } = this;
    if (json?.type !== typeName || json.version !== 1) {
      throw new OctavoError(
        'INVALID_DATA',
        `[${typeName}.fromJSON] expected a ${typeName} of version 1, got ${json?.type} of version ${json?.version}; ` +
          'observerFromJSON takes every class',
      );
    }
    const observer = new this(json.options);
    observer.loadStateJSON(json.state);
    return observer;
  }

  /** A factory of observers with these options: partial application, PyTorch's `with_args`. */
  static withArgs<O extends Observer, P>(this: ObserverClass<O, P>, options: P): ObserverFactory<O, P> {
    // biome-ignore lint/complexity/noThisInStatic: the subclass that it is called on.
    return makeFactory(this, options);
  }

  /** True for an observer of any copy of this package. */
  static is(value: unknown): value is Observer {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

import type { Observer, ObserverClass } from './observer.js';

/**
 * Makes observers of one class with fixed options. A qconfig holds factories, so that each tensor has its own observer.
 */
// biome-ignore lint/suspicious/noExplicitAny: each observer types its own options.
export interface ObserverFactory<O extends Observer = Observer, P = any> {
  (): O;
  readonly observerClass: ObserverClass<O, P>;
  readonly args: Readonly<P>;
  /** The same with some options changed. */
  withArgs(options: P): ObserverFactory<O, P>;
}

export function makeFactory<O extends Observer, P>(observerClass: ObserverClass<O, P>, args: P): ObserverFactory<O, P> {
  const create = () => new observerClass(args);
  return Object.freeze(
    Object.assign(create, {
      observerClass,
      args: Object.freeze({ ...args }),
      withArgs: (options: P) => makeFactory(observerClass, { ...args, ...options }),
    }),
  );
}

/** `MinMaxObserver(dtype=qint8, qscheme=per_tensor_symmetric)`: a factory as text. */
export function describeFactory({ observerClass, args }: ObserverFactory): string {
  const list = Object.entries(args as object).map(([name, value]) => `${name}=${describeArgument(value)}`);
  return `${observerClass.typeName}(${list.join(', ')})`;
}

/** The observer of a `FakeQuantize` is a class or a factory; all other arguments are plain values. */
function describeArgument(value: unknown): string {
  if (typeof value !== 'function') return String(value);
  return 'observerClass' in value
    ? describeFactory(value as ObserverFactory)
    : (value as unknown as ObserverClass).typeName;
}

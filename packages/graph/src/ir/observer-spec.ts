import type { QConfig } from '@octavo/observers';
import type { Node } from './node.js';

/** A node that looks at a value and passes it on. */
export const OBSERVE = 'octavo::observe';

/** What an observe node is for. */
export interface ObserverSpec {
  readonly role: 'activation' | 'weight';
  readonly qconfig: QConfig;
}

/** The entry of `graph.observers` that an observe node stands for. */
export function observerName(node: Node): string {
  return node.attrs.observer as string;
}

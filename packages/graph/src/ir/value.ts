import type { Node } from './node.js';
import type { ValueType } from './value-type.js';

/** One place where a value is read: operand `index` of `node`. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

/** @internal A use as an entry of its value's list. */
export class LinkedUse implements Use {
  previous: LinkedUse | null = null;
  next: LinkedUse | null = null;

  constructor(
    readonly node: Node,
    readonly index: number,
  ) {}
}

/** What a node gives and other nodes take. Assigned once; its id never changes, in clones and files either. */
export class Value {
  readonly id: number;
  /** The node that makes it; the graph's `prim::Param` for inputs. */
  readonly node: Node;
  type: ValueType;
  /** What `print` calls it, with a number behind; '' gives a plain number. */
  hint: string;
  private firstUse: LinkedUse | null = null;
  private lastUse: LinkedUse | null = null;

  constructor(id: number, node: Node, type: ValueType, hint = '') {
    this.id = id;
    this.node = node;
    this.type = type;
    this.hint = hint;
  }

  /** Where the value is read just now, in the order in which the uses arose. */
  get uses(): Use[] {
    const uses: Use[] = [];
    for (let use = this.firstUse; use !== null; use = use.next) uses.push(use);
    return uses;
  }

  /** True for an input of the graph, which no node makes. */
  get isInput(): boolean {
    return this.node.op === 'prim::Param';
  }

  get isUsed(): boolean {
    return this.firstUse !== null;
  }

  /** The node that alone reads this value, once; or undefined. */
  get onlyUser(): Node | undefined {
    return this.firstUse !== null && this.firstUse === this.lastUse ? this.firstUse.node : undefined;
  }

  /** Makes every user of this value read `other` instead; `keep` goes on reading this one. */
  replaceUses(other: Value, keep?: Node): void {
    for (const { node, index } of this.uses) if (node !== keep) node.setInput(index, other);
  }

  /** @internal `Node.setInput` does this. */
  addUse(use: LinkedUse): void {
    use.previous = this.lastUse;
    if (this.lastUse === null) this.firstUse = use;
    else this.lastUse.next = use;
    this.lastUse = use;
  }

  /** @internal */
  removeUse(use: LinkedUse): void {
    if (use.previous === null) this.firstUse = use.next;
    else use.previous.next = use.next;
    if (use.next === null) this.lastUse = use.previous;
    else use.next.previous = use.previous;
  }
}

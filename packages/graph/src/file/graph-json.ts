import type { GraphStage } from '../ir/graph.js';
import type { ElementType } from '../ir/value-type.js';

// What the metadata of a saved graph holds under `graph`, as JSON. Tensors lie beside it in the file, by name.

/** The metadata key. */
export const GRAPH_KEY = 'graph';

/** -0 and numbers that JSON cannot write are spelled out. */
export type NumberJSON = number | { readonly number: string };
export type AttributeJSON = NumberJSON | readonly NumberJSON[] | string | { readonly tensor: string };

/** A tensor's type; null stands for packed weights of a linear, the number of spatial axes for those of a convolution. */
export type TypeJSON = readonly [ElementType, readonly number[] | null] | number | null;

export interface ValueJSON {
  readonly id: number;
  readonly type: TypeJSON;
  readonly hint?: string;
}

export interface NodeJSON {
  readonly id: number;
  readonly op: string;
  /** Ids of values; null where an optional operand is absent. */
  readonly in: readonly (number | null)[];
  readonly out: readonly ValueJSON[];
  readonly attrs?: Readonly<Record<string, AttributeJSON>>;
  readonly scope?: string;
  readonly note?: string;
}

/** A parameter: one tensor of the file, or packed weights made of several. */
export type ParameterJSON = { readonly tensor: string } | PackedJSON;

export interface PackedJSON {
  /** int8 [out, in]. */
  readonly weight: string;
  /** float32: one, or one for each output along axis 0. */
  readonly scales: string;
  /** int32, as many as scales. */
  readonly zeroPoints: string;
  readonly axis: number | null;
  readonly bias: string | null;
  /** Only for convolutions. */
  readonly conv?: ConvJSON;
}

/** The geometry of a packed convolution; lists hold a number for each spatial axis, `padding` begins, then ends. */
export interface ConvJSON {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
  readonly outputPadding: readonly number[];
}

export interface GraphJSON {
  readonly name: string;
  readonly stage: GraphStage;
  readonly fixedBy: string | null;
  /** Version of every op that occurs. */
  readonly ops: Readonly<Record<string, number>>;
  readonly modules: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, ParameterJSON>>;
  readonly frozen: Readonly<Record<string, string>>;
  readonly inputs: readonly ValueJSON[];
  readonly nodes: readonly NodeJSON[];
  readonly outputs: readonly { readonly name: string; readonly value: number }[];
}

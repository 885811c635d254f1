import type { Dims, DType } from '@octavo/core';

/** One dim, or one element of a shape tensor: a number, or a symbol for what only the run's inputs say. */
export type Dim = number | string;

/** What is known of a value before any run. Two equal symbols stand for equal numbers in every run. */
export interface Facts {
  readonly dtype: DType;
  /** Null where not even the rank is known. */
  readonly dims: readonly Dim[] | null;
  /** The elements of a small integer tensor that holds dims: what Shape and the arithmetic behind it give. */
  readonly content?: readonly Dim[];
}

export function isNumbers(dims: readonly Dim[] | null): dims is Dims {
  return dims?.every((dim) => typeof dim === 'number') === true;
}

import type { Dim } from '../import/facts.js';
import type { Value } from '../ir/value.js';

/**
 * What is known of a value's dims before any run: equal symbols stand for equal numbers; null where nothing is known. An
 * importer knows more than the types in its graph say, which hold whole numbers alone.
 */
export type Shapes = (value: Value) => readonly Dim[] | null;

import type { GoldenCase, GoldenValue } from './golden-case.js';

type Computed = Readonly<Record<string, GoldenValue>>;

/** Computes a case with this project's ops: values by the roles of the case's outputs. */
export type GoldenOperator = (golden: GoldenCase) => Computed | Promise<Computed>;

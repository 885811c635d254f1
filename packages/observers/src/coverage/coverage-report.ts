/** One layer or node of a converted model: how it computes, and why so. */
export interface CoverageRow {
  /** Dotted path of the module or node. */
  readonly path: string;
  /** What it is: `Linear`, `aten::softmax`. */
  readonly op: string;
  readonly precision: 'int8' | 'int4' | 'float16' | 'float32';
  readonly reason: string;
  /**
   * Multiply-adds where they are known: for each row of input (linear layers: in times out features), or for a whole
   * input.
   */
  readonly multiplyAdds?: number;
}

/** What ran in int8 and what did not: every conversion can say so, and why. */
export interface CoverageReport {
  readonly rows: readonly CoverageRow[];
  /** Share of the known multiply-adds that run in int8, 0 to 1; 0 where none are known. */
  readonly int8Share: number;
}

export function coverageReport(rows: readonly CoverageRow[]): CoverageReport {
  let all = 0;
  let int8 = 0;
  for (const { precision, multiplyAdds = 0 } of rows) {
    all += multiplyAdds;
    if (precision === 'int8') int8 += multiplyAdds;
  }
  return { rows, int8Share: all === 0 ? 0 : int8 / all };
}

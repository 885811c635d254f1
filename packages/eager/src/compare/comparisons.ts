import { Comparison, type ComparisonKind, type ComparisonRow } from '@octavo/observers';
import { realsIn } from './values.js';

/** Rows in the making by name, in the order in which they first came. */
export class Comparisons {
  private readonly made = new Map<string, Comparison>();

  constructor(private readonly kind: ComparisonKind) {}

  /** Adds every tensor of two results of one form. */
  add(name: string, op: string, float: unknown, quantized: unknown): void {
    const floats = new Map(realsIn(float));
    for (const [place, value] of realsIn(quantized)) {
      const twin = floats.get(place);
      if (twin === undefined) continue;
      const full = name + place;
      const comparison = this.made.get(full) ?? new Comparison(full, this.kind, op);
      this.made.set(full, comparison.add(twin, value));
    }
  }

  rows(): ComparisonRow[] {
    return [...this.made.values()].map((comparison) => comparison.row());
  }
}

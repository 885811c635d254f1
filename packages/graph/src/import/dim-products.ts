import type { Dim } from './facts.js';

/** A product of symbols, each as often as it stands there, times numerator / denominator, without common factors. */
interface Product {
  readonly numerator: number;
  readonly denominator: number;
  /** Sorted. */
  readonly symbols: readonly string[];
}

/**
 * Dims that are products of others: windows of an image times its batch, batch times heads. A product of the same symbols and
 * numbers is the same symbol, whatever its factors were, and a product that comes to one number or symbol is that.
 */
export class DimProducts {
  private readonly products = new Map<string, Product>();
  private readonly symbols = new Map<string, string>();

  constructor(private readonly freshSymbol: () => string) {}

  product(dims: readonly Dim[]): Dim {
    return this.dim(this.multiplied(dims, []), true);
  }

  /**
   * The quotient of two products; undefined where it is none of dims. Where it may leave a rest it is a symbol of its own, which
   * stands for the quotient without that rest: until a quotient of the same that `isExact` shows that there is none.
   */
  quotient(dims: readonly Dim[], divisors: readonly Dim[], isExact: boolean): Dim | undefined {
    const quotient = this.multiplied(dims, divisors);
    const { numerator, denominator, symbols } = quotient;
    if (!(numerator > 0 && denominator > 0) || !Number.isSafeInteger(numerator * denominator)) return undefined;
    const isWhole = denominator === 1 && symbols.every((symbol) => !symbol.startsWith(INVERSE));
    return isWhole || symbols.length > 0 ? this.dim(quotient, isWhole || isExact) : undefined;
  }

  private multiplied(dims: readonly Dim[], divisors: readonly Dim[]): Product {
    let [numerator, denominator] = [1, 1];
    const counts = new Map<string, number>();
    for (const [list, sign] of [[dims, 1] as const, [divisors, -1] as const]) {
      for (const dim of list) {
        const product = typeof dim === 'number' ? { numerator: dim, denominator: 1, symbols: [] } : this.factors(dim);
        numerator *= sign === 1 ? product.numerator : product.denominator;
        denominator *= sign === 1 ? product.denominator : product.numerator;
        for (const symbol of product.symbols) {
          const isInverse = symbol.startsWith(INVERSE);
          const name = isInverse ? symbol.slice(1) : symbol;
          counts.set(name, (counts.get(name) ?? 0) + (isInverse ? -sign : sign));
        }
      }
    }
    const common = divisorOf(numerator, denominator);
    const symbols = [...counts].flatMap(([name, count]) =>
      new Array<string>(Math.abs(count)).fill(count < 0 ? `${INVERSE}${name}` : name),
    );
    return { numerator: numerator / common, denominator: denominator / common, symbols: symbols.sort() };
  }

  private factors(symbol: string): Product {
    return this.products.get(symbol) ?? { numerator: 1, denominator: 1, symbols: [symbol] };
  }

  private dim(product: Product, isExact: boolean): Dim {
    const { numerator, denominator, symbols } = product;
    if (symbols.length === 0 && denominator === 1) return numerator;
    const [first] = symbols;
    if (first !== undefined && symbols.length === 1 && numerator === 1 && denominator === 1) return first;
    const text = `${numerator}/${denominator} ${symbols.join(' ')}`;
    const known = this.symbols.get(text) ?? this.freshSymbol();
    this.symbols.set(text, known);
    if (isExact) this.products.set(known, product);
    return known;
  }
}

/** Before a symbol that is divided by. No name of a dim starts with it. */
const INVERSE = '\0';

function divisorOf(a: number, b: number): number {
  return b === 0 ? Math.max(1, Math.abs(a)) : divisorOf(b, a % b);
}

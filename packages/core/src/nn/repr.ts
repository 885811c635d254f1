/** A number as Python's `repr` of a float writes it: 1e-12, 1e-05, 0.1, 1.0. */
export function pythonFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  const magnitude = Math.abs(x);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [mantissa, exponent] = x.toExponential().split('e') as [string, string];
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(x) ? `${Object.is(x, -0) ? '-0' : BigInt(x)}.0` : String(x);
}

/** A list of numbers as Python's `repr` of a tuple writes it: (3,), (3, 3). */
export function pythonTuple(list: readonly number[]): string {
  return list.length === 1 ? `(${list[0]},)` : `(${list.join(', ')})`;
}

/** One number, or a tuple. */
export function pythonPerAxis(value: number | readonly number[]): string {
  return typeof value === 'number' ? String(value) : pythonTuple(value);
}

/** True or False. */
export function pythonBool(value: boolean): string {
  return value ? 'True' : 'False';
}

const f = Math.fround;

/**
 * Sums of floats have a fixed order, so that every vector width gives the same bits: element i joins lane i mod 16,
 * and the lanes are folded 8, 4, 2, 1.
 */
export const LANES = 16;

/** Folds 16 lane sums into one. Overwrites `lanes`. */
export function foldLanes(lanes: Float32Array): number {
  for (let width = LANES / 2; width >= 1; width /= 2) {
    for (let j = 0; j < width; j++) lanes[j] = (lanes[j] as number) + (lanes[j + width] as number);
  }
  return lanes[0] as number;
}

/** The sum of `count` values given by index. */
export function laneSum(count: number, value: (i: number) => number): number {
  const lanes = new Float32Array(LANES);
  for (let i = 0; i < count; i++) lanes[i % LANES] = f((lanes[i % LANES] as number) + value(i));
  return foldLanes(lanes);
}

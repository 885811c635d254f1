const f = Math.fround;

// Which inputs an output of a resized axis comes from. Positions are float32, as in ATen's UpSample.h.

/** The input of every output: output i takes min(floor(f(i * f(from / to))), from - 1) (ATen's legacy `nearest`). */
export function nearestIndices(from: number, to: number): number[] {
  const scale = f(from / to);
  return Array.from({ length: to }, (_, i) => Math.min(Math.floor(f(i * scale)), from - 1));
}

/** Where one output lies between two inputs: their indices and weights. */
export interface Between {
  readonly near: number;
  readonly far: number;
  readonly nearWeight: number;
  readonly farWeight: number;
}

/** The place of every output of a linearly resized axis. */
export function betweens(from: number, to: number, alignCorners: boolean): Between[] {
  const scale = alignCorners ? (to > 1 ? f((from - 1) / (to - 1)) : 0) : f(from / to);
  return Array.from({ length: to }, (_, i) => {
    const position = alignCorners ? f(scale * i) : Math.max(f(f(scale * f(i + 0.5)) - 0.5), 0);
    const near = Math.min(Math.trunc(position), from - 1);
    const farWeight = f(position - near);
    return { near, far: Math.min(near + 1, from - 1), nearWeight: f(1 - farWeight), farWeight };
  });
}

/**
 * The bilinear value of every output in row-major order, given to `write`: h0 (w0 p00 + w1 p01) + h1 (w0 p10 + w1 p11),
 * rounded to float32 after every operation. `data` holds `planes` images of `height` by `width`.
 */
export function bilinear(
  data: ArrayLike<number>,
  planes: number,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
  alignCorners: boolean,
  write: (at: number, value: number) => void,
): void {
  const rows = betweens(height, toHeight, alignCorners);
  const columns = betweens(width, toWidth, alignCorners);
  let at = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (const row of rows) {
      const near = (plane * height + row.near) * width;
      const far = (plane * height + row.far) * width;
      for (const column of columns) {
        const mixed = (start: number): number => {
          const left = f(column.nearWeight * (data[start + column.near] as number));
          return f(left + f(column.farWeight * (data[start + column.far] as number)));
        };
        write(at++, f(f(row.nearWeight * mixed(near)) + f(row.farWeight * mixed(far))));
      }
    }
  }
}

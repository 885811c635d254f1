import { type nn, sizeOf, type Tensor } from '@octavo/core';
import type { CoverageReport } from '@octavo/observers';
import type { MultiplyAdds } from './workload.js';

/**
 * Multiply-adds of each convolution and linear of a float model for one image, by module path: its outputs times the
 * weights that make one. Found by running the model.
 */
export function countMultiplyAdds(model: nn.Module, image: Tensor): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const handles = [...model.namedModules()].flatMap(([path, module]) => {
    const weight = (module as { weight?: Tensor | null }).weight ?? undefined;
    // Convolutions and linears: [out, in, ...]. Norms have one dim.
    if (weight === undefined || weight.dims.length < 2) return [];
    const perOutput = sizeOf(weight.dims.slice(1));
    return [
      module.registerForwardHook((_module, _inputs, output) => {
        counts.set(path, (counts.get(path) ?? 0) + (output as Tensor).size * perOutput);
        return undefined;
      }),
    ];
  });
  try {
    model.call(image);
  } finally {
    for (const handle of handles) handle.remove();
  }
  return counts;
}

/** How many of them a form of the model computes in int8. */
export function shareOf(counts: ReadonlyMap<string, number>, { rows }: CoverageReport): MultiplyAdds {
  const inInt8 = new Set(rows.filter(({ precision }) => precision === 'int8').map(({ path }) => path));
  let all = 0;
  let int8 = 0;
  for (const [path, count] of counts) {
    all += count;
    if (inInt8.has(path)) int8 += count;
  }
  return { all, int8 };
}

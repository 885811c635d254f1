import type { ModeName } from './evaluation.js';
import { MODES, type Mode } from './modes.js';
import type { CheckedOptions } from './options.js';
import type { Row } from './workload.js';

/**
 * The rows of a float model: each mode, quantized ones with each qconfig, and once more where they are loaded again.
 */
export function rowsOf({ task, modes, qconfigs }: CheckedOptions): Row[] {
  const table = MODES[task.defaults.scheme];
  // Debug is for looking at numbers: only where it is asked for.
  const wanted = modes ?? (Object.keys(table) as ModeName[]).filter((mode) => mode !== 'debug');
  return wanted.flatMap((mode): Row[] => {
    const { quantized, load } = table[mode] as Mode;
    if (!quantized) return [{ mode, qconfig: null, reloaded: false }];
    return (qconfigs ?? [task.defaults.qconfig]).flatMap((qconfig) =>
      (load === undefined ? [false] : [false, true]).map((reloaded) => ({ mode, qconfig, reloaded })),
    );
  });
}

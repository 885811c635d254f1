import { createNativeBackend, type NativeBackend } from '@octavo/kernels-native';
import { measurePeaks, type Peaks } from './measure/peaks.js';

/** What all rows share: our backends and what this core can do at best. */
export interface Bench {
  readonly isa: string;
  /** Our backend on so many threads. */
  backend(threads: number): NativeBackend;
  readonly peaks: Peaks;
}

export function createBench(): Bench {
  const backends = new Map<number, NativeBackend>();
  const backend = (threads: number): NativeBackend => {
    const known = backends.get(threads) ?? createNativeBackend({ threads });
    backends.set(threads, known);
    return known;
  };
  return { isa: backend(1).isa, backend, peaks: measurePeaks(backend(1)) };
}

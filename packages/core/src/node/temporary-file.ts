import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Files that are being written just now. */
const temporaries = new Set<string>();
/** Signals that we listen to meanwhile: those that would end the process. */
let heard: readonly NodeJS.Signals[] = [];

/**
 * Does `body`, which writes a temporary file at `path`; a signal that ends the process meanwhile takes the file with it.
 * Where the program listens to a signal itself, it decides what follows, and `body` comes to its own end.
 */
export async function withTemporaryFile<R>(path: string, body: () => Promise<R>): Promise<R> {
  if (temporaries.size === 0) {
    heard = SIGNALS.filter((signal) => process.listenerCount(signal) === 0);
    for (const signal of heard) process.on(signal, removeAndEnd);
  }
  temporaries.add(path);
  try {
    return await body();
  } finally {
    temporaries.delete(path);
    if (temporaries.size === 0) stopListening();
  }
}

function removeAndEnd(signal: NodeJS.Signals): void {
  for (const path of temporaries) rmSync(path, { force: true });
  stopListening();
  // Nobody listens now: the process ends by the signal, as its parent expects.
  process.kill(process.pid, signal);
}

function stopListening(): void {
  for (const signal of heard) process.off(signal, removeAndEnd);
  heard = [];
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { writeResidualLinears } from '../onnx/residual-linears.js';
import type { RowGroup } from '../row.js';

// What a very large graph costs until it is int8: steps that grow faster than the graph show here. Each row is a process of its own. "Our float" is the import alone.

const NAMES = {
  dynamic: 'graph of 100,000 nodes, ONNX to dynamic int8',
  static: 'graph of 100,000 nodes, ONNX to static int8',
} as const;
const NODES = 100_000;
const NODES_PER_LAYER = 4;
// The bundles lie side by side in bench/dist.
const CHILD = resolve(import.meta.dirname, 'large-graph/child.js');

export const LARGE_GRAPH: RowGroup = {
  names: Object.values(NAMES),
  async *run(bench, wants) {
    const folder = await mkdtemp(join(tmpdir(), 'octavo-bench-'));
    try {
      const file = join(folder, 'large.onnx');
      await writeFile(file, writeResidualLinears(NODES / NODES_PER_LAYER));
      for (const [kind, name] of Object.entries(NAMES)) {
        if (!wants(name)) continue;
        const { stdout } = await promisify(execFile)(process.execPath, [CHILD, kind, file]);
        const steps = JSON.parse(stdout) as Record<string, number>;
        const oursMs = Object.values(steps).reduce((a, b) => a + b);
        const none = { ortInt8Ms: null, ortFloatMs: null, peakShare: null };
        yield {
          name,
          isa: bench.isa,
          threads: bench.backend(1).threads,
          ...none,
          oursMs,
          oursFloatMs: steps.import ?? null,
        };
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

import { cpus, loadavg } from 'node:os';
import ort from 'onnxruntime-node';
import type { Bench } from '../bench.js';

/** Above this, other programs are likely to distort the times. */
const QUIET_LOAD = 0.7;

/** What the numbers below it were measured on. */
export function machineLines({ isa, backend, peaks }: Bench): string[] {
  const processors = cpus();
  const { gemmU8S8, gemmF32 } = backend(1).kernelNames;
  const [load] = loadavg() as [number];
  const lines = [
    `CPU      ${processors[0]?.model.trim()}, ${processors.length} logical, Node ${process.version}`,
    `ours     ${isa}: ${gemmU8S8}, ${gemmF32}`,
    `peers    onnxruntime-node ${ort.env.versions.node} (ORT), one thread unless said`,
    `peaks    ${peaks.int8.toFixed(1)} GMAC/s int8, ${peaks.float.toFixed(1)} float32: our own GEMM on operands in cache, best of several, one core`,
  ];
  if (load > QUIET_LOAD)
    lines.push(
      `warning  the load is ${load.toFixed(2)}: something else runs, so times and peaks are not to be trusted`,
    );
  return lines;
}

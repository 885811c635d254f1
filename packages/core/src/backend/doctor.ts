import { dispatch } from '../ops/dispatch.js';
import type { Attrs, OpDef, Operand } from '../ops/op-def.js';
import { OP_LIST, opByName } from '../ops/op-table.js';
import { quantizePerChannel } from '../quantize.js';
import { Generator } from '../random.js';
import { LinearPackedParams } from '../tensor/linear-packed-params.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import type { PeakRates } from './backend.js';
import { referenceBackend } from './reference-backend.js';
import { activeBackend, whyReference, withBackend } from './registry.js';

/** What runs here, why not something better, and whether it computes right. */
export interface DoctorReport {
  /** 'native' or 'reference'. */
  readonly backend: string;
  readonly isa: string;
  /** Better instruction sets that the backend has kernels for, and why each cannot run here: the CPU or its permission. */
  readonly missingIsas: Readonly<Record<string, string>>;
  readonly threads: number;
  /** Why the reference was chosen; null when it was not, or was asked for. */
  readonly why: string | null;
  /** Node's version, or null elsewhere. */
  readonly node: string | null;
  /** `linux-x64`, or 'unknown' outside Node. */
  readonly platform: string;
  /** Extensions of the CPU that kernels use or could use; none on the reference. */
  readonly cpuFeatures: readonly string[];
  /** For each op the kernel that it spends its time in, or 'reference'. */
  readonly kernels: Readonly<Record<string, string>>;
  /** How fast matrix products run here, measured for about 40 ms; null on the reference. */
  readonly peak: PeakRates | null;
  /** Ops that the backend has no kernel for, so that they run on their reference: none where the reference is the backend. */
  readonly referenceOps: readonly string[];
  /** One entry an op: whether the backend gave the reference's bits, or what it threw. */
  readonly selfTest: readonly SelfTestResult[];
}

export interface SelfTestResult {
  readonly op: string;
  readonly ok: boolean;
  readonly error?: string;
}

/** Looks at the active backend and compares a few of its ops with the reference, bit for bit. */
export function doctor(): DoctorReport {
  const { name, isa, missingIsas = {}, threads, kernel, machine } = activeBackend();
  const ops = OP_LIST.filter((op) => !op.alias);
  const nameOf = (op: OpDef): string => (kernel(op) === undefined ? 'reference' : (machine?.kernelName(op) ?? name));
  const { process } = globalThis as { process?: { versions?: { node?: string }; platform?: string; arch?: string } };
  return {
    backend: name,
    isa,
    missingIsas,
    threads,
    why: whyReference(),
    node: process?.versions?.node ?? null,
    platform: process?.platform === undefined ? 'unknown' : `${process.platform}-${process.arch}`,
    cpuFeatures: machine?.cpuFeatures ?? [],
    kernels: Object.fromEntries(ops.map((op) => [op.name, nameOf(op)])),
    peak: machine?.measurePeak() ?? null,
    referenceOps: ops.filter((op) => kernel(op) === undefined).map((op) => op.name),
    selfTest: selfTestCases().map(test),
  };
}

interface SelfTestCase {
  readonly op: string;
  readonly inputs: readonly (Operand | null)[];
  readonly attrs: Attrs;
}

function test({ op, inputs, attrs }: SelfTestCase): SelfTestResult {
  const run = (): Tensor[] => dispatch(opByName(op), inputs, attrs);
  const expected = withBackend(referenceBackend, run);
  try {
    return { op, ok: run().every((tensor, i) => sameBits(tensor, expected[i] as Tensor)) };
  } catch (error) {
    return { op, ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

function sameBits(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || a.raw.dims.join() !== b.raw.dims.join()) return false;
  const [x, y] = [a, b].map(({ raw }) => new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength));
  return (x as Uint8Array).every((byte, i) => byte === (y as Uint8Array)[i]);
}

/** Sizes that leave tails in every vector width. */
function selfTestCases(): SelfTestCase[] {
  const generator = new Generator(7);
  const random = (...dims: number[]): Tensor =>
    new Tensor(
      'float32',
      Float32Array.from({ length: sizeOf(dims) }, () => generator.normal()),
      dims,
    );
  const x = random(5, 37);
  const weight = random(19, 37);
  const bias = random(19);
  const scales = new Float32Array(19).fill(0.02);
  const packed = new LinearPackedParams(quantizePerChannel(weight, scales, new Int32Array(19)), bias);
  const rows = random(2, 9, 24);
  return [
    { op: 'aten::linear', inputs: [x, weight, bias], attrs: { activation: 2 } },
    { op: 'quantized::linear_dynamic', inputs: [x, packed], attrs: { scheme: 0, reduceRange: 1, activation: 0 } },
    { op: 'quantized::linear_dynamic', inputs: [x, packed], attrs: { scheme: 1, reduceRange: 0, activation: 1 } },
    { op: 'aten::layer_norm', inputs: [x, random(37), random(37)], attrs: { axes: 1, eps: 1e-12 } },
    { op: 'aten::softmax', inputs: [x], attrs: { dim: -1 } },
    { op: 'aten::gelu', inputs: [x], attrs: {} },
    { op: 'aten::tanh', inputs: [x], attrs: {} },
    { op: 'aten::matmul', inputs: [x, random(37, 21)], attrs: {} },
    { op: 'aten::add', inputs: [x, random(37)], attrs: {} },
    { op: 'aten::embedding', inputs: [weight, Tensor.from([3, 18, 0], { dtype: 'int64' })], attrs: {} },
    { op: 'octavo::multi_head_attention', inputs: [rows, rows, rows, null], attrs: { heads: 3, scale: 0.25 } },
  ];
}

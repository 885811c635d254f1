import {
  type Attrs,
  checkAttrs,
  checkInputs,
  type Dims,
  DTYPES,
  type Executable,
  type Instruction,
  isPackedParams,
  OctavoError,
  type Operand,
  opByName,
  type Program,
  planMemory,
  type RunOptions,
  Tensor,
  type TensorMeta,
} from '@octavo/core';
import { callNative, fromNative } from './errors.js';
import { assignLayouts, hasChannels } from './layout.js';
import type { NativeBackend, NativeProgram, PackedHandle } from './native.js';
import { checkBuffer, emptyTensor, encodeAttrs, gatesOf, type PackedWeights } from './operands.js';
import { knownPanels, packWeight } from './panels.js';

/** Shapes kept ready; the one unused for longest makes room. */
const MAX_PLANS = 16;

interface Plan {
  readonly index: number;
  readonly inputs: readonly Dims[];
  readonly outputs: readonly TensorMeta[];
}

/** A program whose constants were packed once; each new set of input dims adds offsets only. */
export class NativeExecutable implements Executable {
  readonly referenceOps = [];
  private native: NativeProgram | null;
  private readonly plans = new Map<string, Plan>();
  /** Of the run before: most runs have its dims. */
  private lastPlan: Plan | null = null;
  private readonly program: Program;
  private readonly channelsLast: ReadonlySet<number>;

  constructor(backend: NativeBackend, packed: PackedWeights, source: Program) {
    const { program, channelsLast } = assignLayouts(separateGates(source));
    this.program = program;
    this.channelsLast = channelsLast;
    const constants = foldedConstants(program);
    const uses = constantUses(program, constants);
    const lent = constants.map(
      (constant, value) => Tensor.is(constant) && uses.asIs.has(value) && constant.raw.lend() !== null,
    );
    const operands = constants.map((constant, value) =>
      constant === undefined || !uses.asIs.has(value) ? null : packed.operand(constant, uses.gates.get(value)),
    );
    const handles = constants.map((constant, value): PackedHandle | null => {
      const pack = uses.asWeight.get(value);
      return pack === undefined ? null : callNative(() => pack(backend, constant as Tensor<'float32'>));
    });
    this.native = callNative(() => backend.createProgram(operands, handles, encodeInstructions(program, uses), lent));
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const { native, plan } = this.prepare(inputs);
    const outputs = plan.outputs.map((meta) => emptyTensor(meta, false));
    try {
      native.run(plan.index, dataOf(inputs), outputs.map(memoryOf));
    } catch (error) {
      throw fromNative(error);
    }
    return outputs;
  }

  runAsync(inputs: readonly Tensor[], { signal }: RunOptions = {}): Promise<Tensor[]> {
    return new Promise((resolve, reject) => {
      const aborted = (cause?: unknown): OctavoError =>
        new OctavoError('ABORTED', '[run] aborted by its signal', { cause: signal?.reason ?? cause });
      if (signal?.aborted) throw aborted();
      const { native, plan } = this.prepare(inputs);
      const abort = callNative(() =>
        native.runAsync(plan.index, dataOf(inputs), (error, outputs) => {
          signal?.removeEventListener('abort', abort);
          if (error !== null) reject(error.octavoCode === 'ABORTED' ? aborted(error) : fromNative(error));
          else resolve(toTensors(plan, outputs as ArrayBuffer[]));
        }),
      );
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  dispose(): void {
    this.native?.dispose();
    this.native = null;
    this.lastPlan = null;
    this.plans.clear();
  }

  private prepare(inputs: readonly Tensor[]): { native: NativeProgram; plan: Plan } {
    if (this.native === null) throw new OctavoError('DISPOSED', '[run] this executable was disposed; compile it again');
    const dims = checkInputs(this.program, inputs);
    for (const { raw } of inputs) if (!raw.unseen) checkBuffer(raw);
    if (this.lastPlan === null || !this.lastPlan.inputs.every((each, i) => sameDims(each, dims[i] as Dims))) {
      this.lastPlan = this.planOf(this.native, dims);
    }
    return { native: this.native, plan: this.lastPlan };
  }

  private planOf(native: NativeProgram, dims: readonly Dims[]): Plan {
    const key = dims.map((d) => d.join('x')).join(';');
    const plan = this.plans.get(key) ?? this.addPlan(native, dims);
    // Most recently used last.
    this.plans.delete(key);
    this.plans.set(key, plan);
    return plan;
  }

  private addPlan(native: NativeProgram, dims: readonly Dims[]): Plan {
    const memory = planMemory(this.program, dims);
    const numbers = [
      memory.arenaBytes,
      ...list(this.program.inputs.map(({ value }) => value)),
      ...list(this.program.outputs.map(({ value }) => value)),
    ];
    for (const [value, offset] of memory.offsets.entries()) {
      const meta = memory.metas[value] as TensorMeta;
      const held = memory.held[value] as number;
      if (offset < 0 && held < 0) numbers.push(0);
      else {
        const channelsLast = Number(this.channelsLast.has(value) && hasChannels(meta.dims));
        const place = held < 0 ? [1, offset] : [2, held];
        numbers.push(place[0] as number, DTYPES[meta.dtype].code, channelsLast, ...list(meta.dims), place[1] as number);
      }
    }
    const index = callNative(() => native.addPlan(Float64Array.from(numbers)));
    if (this.plans.size >= MAX_PLANS) {
      const [oldest, old] = this.plans.entries().next().value as [string, Plan];
      this.plans.delete(oldest);
      native.dropPlan(old.index);
    }
    const outputs = this.program.outputs.map(({ value }) => memory.metas[value] as TensorMeta);
    return { index, inputs: dims, outputs };
  }
}

/** Constants by value; aliases of constants are constants too, under their own dims. */
function foldedConstants(program: Program): (Operand | undefined)[] {
  const constants = program.values.map(({ constant }) => constant);
  for (const { op, inputs, outputs, attrs } of program.instructions) {
    const def = opByName(op);
    const source = constants[inputs[0] as number];
    if (def.alias && source !== undefined) constants[outputs[0] as number] = def.reference([source], attrs)[0];
  }
  return constants;
}

type Pack = (backend: NativeBackend, weight: Tensor<'float32'>) => PackedHandle;
/** What packs a weight of an instruction with these attributes and constants; undefined where those are not enough. */
type ChoosePack = (attrs: Attrs, constants: readonly (Operand | undefined)[]) => Pack | undefined;

/** Ops that want constant operands that are weights packed into panels, by the operands' indices. */
const PACKED_WEIGHTS: Readonly<Record<string, Readonly<Record<number, ChoosePack>>>> = {
  'octavo::linear_weight_only': { 1: packGrouped },
  'aten::linear': { 1: () => packLinear },
  'aten::conv': { 1: packConv(false) },
  'aten::conv_transpose': { 1: packConv(true) },
  'octavo::conv_affine': { 1: packConv(false) },
  'aten::lstm_layer': {
    1: packMatrix('aten::lstm_layer', 1),
    2: packMatrix('aten::lstm_layer', 2),
    5: packMatrix('aten::lstm_layer', 5),
  },
  'aten::gru_layer': { 1: packMatrix('aten::gru_layer', 1), 2: packMatrix('aten::gru_layer', 2) },
  'aten::rnn_tanh_layer': { 1: packMatrix('aten::rnn_tanh_layer', 1), 2: packMatrix('aten::rnn_tanh_layer', 2) },
  'aten::rnn_relu_layer': { 1: packMatrix('aten::rnn_relu_layer', 1), 2: packMatrix('aten::rnn_relu_layer', 2) },
};

/** Operands that lie in the packed weight which is the second operand. */
const HELD_BY_WEIGHT: Readonly<Record<string, readonly number[]>> = { 'octavo::linear_weight_only': [2, 3] };

/** A linear's panels; those that hold the weight already serve every program, as nobody can have written to it. */
function packLinear(backend: NativeBackend, weight: Tensor<'float32'>): PackedHandle {
  const [n, k] = weight.raw.dims as [number, number];
  const known = knownPanels(weight.raw, backend);
  if (known !== null) return known;
  return packWeight(weight.raw, backend, (elements, given) => backend.packFloat(elements, n, k, 1, given));
}

function packMatrix(op: string, index: number): ChoosePack {
  const gates = gatesOf(op, index);
  return () => (backend, weight) => {
    const [n, k] = weight.raw.dims as [number, number];
    return backend.packFloat(weight.raw.peek, n, k, gates, false);
  };
}

function packConv(transposed: boolean): ChoosePack {
  return (attrs) => (backend, weight) => {
    const groups = attrs.groups === undefined ? 1 : (attrs.groups as number);
    return backend.packFloatConv(weight.raw.peek, weight.raw.dims, groups, transposed);
  };
}

function packGrouped(attrs: Attrs, [, codes, scales, zeroPoints]: readonly (Operand | undefined)[]): Pack | undefined {
  if (!Tensor.is(codes) || !Tensor.is(scales) || !Tensor.is(zeroPoints)) return undefined;
  const { bits, groupSize } = attrs as { bits: number; groupSize: number };
  const [n, bytes] = codes.raw.dims as [number, number];
  return (backend) =>
    backend.packGrouped(
      codes.raw.peek as Uint8Array,
      scales.raw.peek as Float32Array,
      zeroPoints.raw.peek as Uint8Array,
      n,
      (bytes * 8) / bits,
      bits,
      groupSize,
    );
}

/** Gives int8 weights that recurrent layers read values of their own: their panels are in another order than a linear's. */
function separateGates(program: Program): Program {
  const values = [...program.values];
  const copies = new Map<string, number>();
  const instructions = program.instructions.map((instruction) => {
    const inputs = instruction.inputs.map((value, i) => {
      const gates = gatesOf(instruction.op, i);
      const known = values[value];
      if (gates === 1 || known?.constant === undefined || !isPackedParams(known.constant)) return value;
      const key = `${value} ${gates}`;
      const copy = copies.get(key) ?? values.push(known) - 1;
      copies.set(key, copy);
      return copy;
    });
    return { ...instruction, inputs };
  });
  return { ...program, values, instructions };
}

/** How constants that are weights are packed, and which constants are read as they are. */
interface ConstantUses {
  readonly asWeight: ReadonlyMap<number, Pack>;
  readonly asIs: ReadonlySet<number>;
  readonly gates: ReadonlyMap<number, number>;
}

function constantUses(program: Program, constants: readonly (Operand | undefined)[]): ConstantUses {
  const gates = new Map<number, number>();
  const asWeight = new Map<number, Pack>();
  const asIs = new Set(program.outputs.map(({ value }) => value));
  const forms = new Map<number, string>();
  for (const { op, inputs, attrs } of program.instructions) {
    inputs.forEach((value, i) => {
      const constant = value < 0 ? undefined : constants[value];
      if (constant === undefined || HELD_BY_WEIGHT[op]?.includes(i)) return;
      gates.set(value, gatesOf(op, i));
      const pack = isPackedParams(constant)
        ? undefined
        : PACKED_WEIGHTS[op]?.[i]?.(
            attrs,
            inputs.map((input) => constants[input]),
          );
      if (pack === undefined) {
        asIs.add(value);
        return;
      }
      // Panels are of one op, its groups and what they hold: a weight that two forms share is packed at each call instead.
      const held = HELD_BY_WEIGHT[op]?.map((operand) => inputs[operand]);
      const form = [op, attrs.groups ?? 1, gatesOf(op, i), attrs.bits, attrs.groupSize, held].join(' ');
      if ((forms.get(value) ?? form) !== form) {
        asIs.add(value);
        asWeight.delete(value);
      } else if (!forms.has(value)) {
        forms.set(value, form);
        asWeight.set(value, pack);
      }
    });
  }
  for (const instruction of program.instructions) {
    instruction.inputs.forEach((value, i) => {
      const held = HELD_BY_WEIGHT[instruction.op]?.includes(i) && !isHeld(asWeight, instruction, i);
      if (held && value >= 0 && constants[value] !== undefined) asIs.add(value);
    });
  }
  return { asWeight, asIs, gates };
}

/** Whether an operand lies in the packed weight of its instruction, and is not passed again. */
function isHeld(asWeight: ReadonlyMap<number, Pack>, { op, inputs }: Instruction, operand: number): boolean {
  return HELD_BY_WEIGHT[op]?.includes(operand) === true && asWeight.has(inputs[1] as number);
}

function encodeInstructions(program: Program, { asWeight }: ConstantUses): Float64Array {
  const numbers = program.instructions.flatMap((instruction) => {
    const { op, outputs, attrs } = instruction;
    const def = opByName(op);
    const inputs = instruction.inputs.map((value, i) => (isHeld(asWeight, instruction, i) ? -1 : value));
    // An alias op has no work to do: its output is its input's memory.
    checkAttrs(def, attrs);
    return def.alias ? [] : [def.opcode, ...list(inputs), ...list(outputs), ...list(encodeAttrs(def, attrs))];
  });
  return Float64Array.from(numbers);
}

function list(values: readonly number[]): number[] {
  return [values.length, ...values];
}

function dataOf(tensors: readonly Tensor[]): ArrayBufferView[] {
  // A read puts it in order.
  return tensors.map(({ raw }) => (raw.channelsLast === null ? raw.memory : raw.data));
}

function memoryOf({ raw }: Tensor): ArrayBufferView {
  return raw.memory;
}

function sameDims(a: Dims, b: Dims): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function toTensors(plan: Plan, buffers: readonly ArrayBuffer[]): Tensor[] {
  return buffers.map((buffer, i) => {
    const { dtype, dims } = plan.outputs[i] as TensorMeta;
    return new Tensor(dtype, new DTYPES[dtype].array(buffer), dims);
  });
}

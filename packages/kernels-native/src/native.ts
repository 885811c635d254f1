// Every native class and function, typed and documented in one place. The C++ side checks all it is given; see
// `native/napi/`.

/** The version of all that follows. An addon that tells another was compiled for another version of this package. */
export const ADDON_ABI = 5;

/** Packed weights in native memory; freed with the handle. */
export type PackedHandle = { readonly __packed: unique symbol };

/**
 * An operand: [dtype code, dims, data, channelsLast], packed weights, or null for an optional one that is absent. Data of
 * dims [batch, channels, ...spatial] lies [batch, ...spatial, channels] where channelsLast is true.
 */
export type NativeOperand =
  | readonly [dtype: number, dims: readonly number[], data: ArrayBufferView, channelsLast: boolean]
  | PackedHandle
  | null;

export interface NativeProgram {
  /**
   * Registers a shape and returns its index. numbers: arena bytes; input values, output values (each: count, values);
   * then for each value 0 (a constant, or unused), or its place, dtype code, 1 where it is channels-last, rank, dims, and
   * where: place 1 is the arena, by byte offset; place 2 the caller's tensors, by index among inputs, then outputs.
   */
  addPlan(numbers: Float64Array): number;
  dropPlan(plan: number): void;
  /** Runs all instructions, from the inputs' memory into the outputs'. */
  run(plan: number, inputs: readonly ArrayBufferView[], outputs: readonly ArrayBufferView[]): void;
  /** Copies the inputs, runs on the dispatcher thread, calls `done` on this thread; returns what aborts the run. */
  runAsync(
    plan: number,
    inputs: readonly ArrayBufferView[],
    done: (error: NativeError | null, outputs: ArrayBuffer[] | null) => void,
  ): () => void;
  /** Frees constants and plans once no run uses them. */
  dispose(): void;
}

export interface NativeBackend {
  readonly isa: string;
  readonly threads: number;
  /** Names of the GEMM kernels in use: name = file = row of the dispatch table. */
  readonly kernelNames: { readonly gemmF32: string; readonly gemmU8S8: string };
  /** 10^9 multiply-adds a second of both GEMMs, one thread, operands in caches; takes about 40 ms. */
  measurePeak(): { float32: number; int8: number };
  /**
   * codes int8 [n, k] row-major; n scales and zero points where `perChannel`, else one; n biases or null. gates: how many a
   * recurrent layer's rows stack, whose columns then lie side by side unit by unit; 1 for a linear. given: no other code
   * has the codes, nor will use them: panels take their place where they fit, else their ArrayBuffer is detached.
   */
  packLinear(
    codes: Int8Array,
    n: number,
    k: number,
    scales: Float32Array,
    zeroPoints: Int32Array,
    bias: Float32Array | null,
    perChannel: boolean,
    gates: number,
    given: boolean,
  ): PackedHandle;
  /**
   * codes int8 of dims [out, in / groups, ...kernel], or [in, out / groups, ...kernel] where transposed; the rest as in
   * packLinear. geometry: groups, transposed (0 or 1), then for each spatial axis stride, dilation, padding at its begin
   * and its end, output padding.
   */
  packConv(
    codes: Int8Array,
    dims: readonly number[],
    scales: Float32Array,
    zeroPoints: Int32Array,
    bias: Float32Array | null,
    perChannel: boolean,
    geometry: Float64Array,
  ): PackedHandle;
  /** weight float32 [n, k] row-major; gates and given as in packLinear. */
  packFloat(weight: Float32Array, n: number, k: number, gates: number, given: boolean): PackedHandle;
  /** weight float32 of dims [out, in / groups, ...kernel], or [in, out / groups, ...kernel] where transposed. */
  packFloatConv(weight: Float32Array, dims: readonly number[], groups: number, transposed: boolean): PackedHandle;
  /** codes uint8 [n, k * bits / 8], as `octavo::linear_weight_only` takes them; scales and zero points [n, groups]. */
  packGrouped(
    codes: Uint8Array,
    scales: Float32Array,
    zeroPoints: Uint8Array,
    n: number,
    k: number,
    bits: number,
    groupSize: number,
  ): PackedHandle;
  /** The elements that `packLinear` (Int8Array) or `packFloat` (Float32Array) packed, without gates, into `elements`. */
  unpack(handle: PackedHandle, elements: Int8Array | Float32Array): void;
  /** The first offset into `memory` that is on a cache line. */
  alignedOffset(memory: ArrayBuffer): number;
  /**
   * Runs one op into outputs that the caller made by the op's shape rule. numbers: opcode, attributes (count, numbers), how
   * many inputs and outputs, then for each 0 (packed weights, or absent), or dtype code + 1, 1 where it is channels-last,
   * rank, dims. data: that of the inputs, then of the outputs; null for an optional one that is absent.
   */
  runOp(numbers: Float64Array, ...data: readonly (ArrayBufferView | PackedHandle | null)[]): void;
  /**
   * constants: by value, or null. packed: handles of packed weights by value, or null. instructions: for each, opcode,
   * inputs, outputs, attributes (each: count, numbers); -1 is an absent operand. lent: by value, true for tensors among
   * the constants that no other code has: they are kept and read where they lie, and not copied.
   */
  createProgram(
    constants: readonly NativeOperand[],
    packed: readonly (PackedHandle | null)[],
    instructions: Float64Array,
    lent: readonly boolean[],
  ): NativeProgram;
}

export interface NativeAddon {
  /**
   * abi: see ADDON_ABI; isas: what this CPU can run, best last; knownIsas: what this build has code for, best last;
   * missing: why the others of them cannot run here, by name; opcodes: its ops.
   */
  describe(): {
    abi: number;
    isas: string[];
    knownIsas: string[];
    missing: Record<string, string>;
    cpuFeatures: string[];
    opcodes: Record<string, number>;
  };
  /** cap: the best instruction set to use, or null for no cap. */
  NativeBackend: new (
    cap: string | null,
    threads: number,
  ) => NativeBackend;
}

/** What native code throws: a message and the OctavoError code it stands for. */
export interface NativeError extends Error {
  octavoCode?: string;
}

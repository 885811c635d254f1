import { type Attrs, type Kernel, type OpDef, type Operand, Tensor, type TensorMeta } from '@octavo/core';
import type { CallNumbers } from './call-numbers.js';
import { fromNative } from './errors.js';
import { hasChannels, type Layout, layoutOf } from './layout.js';
import type { NativeBackend, PackedHandle } from './native.js';
import { emptyTensor, encodeAttrs, gatesOf, type PackedWeights, putOutput, putTensor } from './operands.js';

type Data = ArrayBufferView | PackedHandle | null;

/**
 * One op as one native call. What a small op costs lies around its work, so that what depends on the op alone is found
 * once, here, and a call makes little besides its results.
 */
export function makeKernel(native: NativeBackend, packed: PackedWeights, numbers: CallNumbers, op: OpDef): Kernel {
  const gates = op.inputs.map((_, i) => gatesOf(op.name, i));
  // Of row-major operands, which most calls have; null where attributes say it.
  const usualLayout = 'channelsLast' in op.attrs ? null : layoutOf(op.name, [null], {});

  return (inputs: readonly (Operand | null)[], attrs: Attrs, metas: readonly TensorMeta[]): Tensor[] => {
    numbers.start();
    numbers.put(op.opcode);
    numbers.list(encodeAttrs(op, attrs));
    numbers.put(inputs.length);
    numbers.put(metas.length);
    const layout =
      usualLayout !== null && !inputs.some(isChannelsLast)
        ? usualLayout
        : layoutOf(op.name, inputs.map(channelsLastRank), attrs);
    const data: Data[] = [];
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i] as Operand | null;
      if (Tensor.is(input)) {
        data.push(putTensor(numbers, input.raw, layout.inputs));
      } else {
        numbers.put(0);
        data.push(input === null ? null : packed.of(input, gates[i] ?? 1));
      }
    }
    const outputs = metas.map((meta) => makeOutput(numbers, data, meta, layout));
    try {
      native.runOp(numbers.array, ...data);
    } catch (error) {
      throw fromNative(error);
    }
    return outputs;
  };
}

function makeOutput(numbers: CallNumbers, data: Data[], meta: TensorMeta, layout: Layout): Tensor {
  const channelsLast = layout.output && hasChannels(meta.dims);
  const output = emptyTensor(meta, channelsLast);
  data.push(putOutput(numbers, output.raw, channelsLast));
  return output;
}

function isChannelsLast(operand: Operand | null): boolean {
  return Tensor.is(operand) && operand.raw.channelsLast !== null;
}

/** The rank of an operand that lies channels-last, else null. */
function channelsLastRank(operand: Operand | null): number | null {
  return Tensor.is(operand) && operand.raw.channelsLast !== null ? operand.raw.dims.length : null;
}

import { OctavoError } from '../errors.js';
import { checkResultSizes } from '../ops/check.js';
import type { OperandMeta, TensorMeta } from '../ops/op-def.js';
import { opByName } from '../ops/op-table.js';
import { isPackedParams } from '../tensor/packed-params.js';
import { type Dims, formatDims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Program } from './program.js';

/** The dims of each input, checked against the program's dtypes, ranks and any shape fixed by the trace. */
export function checkInputs(program: Program, inputs: readonly Tensor[]): Dims[] {
  if (inputs.length !== program.inputs.length) {
    const names = program.inputs.map((input) => input.name).join(', ');
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[run] expected ${program.inputs.length} inputs (${names}), got ${inputs.length}`,
    );
  }
  return program.inputs.map((expected, i) => {
    const tensor = inputs[i] as Tensor;
    if (tensor.type !== expected.dtype) {
      throw new OctavoError(
        'INVALID_DTYPE',
        `[run] input '${expected.name}' expects ${expected.dtype}, got ${tensor.type}; convert it first`,
      );
    }
    const dims = tensor.raw.dims;
    const fixed = expected.fixedDims;
    if (fixed !== undefined && formatDims(fixed) !== formatDims(dims)) {
      throw new OctavoError(
        'SHAPE_FIXED_BY_TRACE',
        `[run] input '${expected.name}' must be ${formatDims(fixed)}, got ${formatDims(dims)}: the traced code read dims, ` +
          'which fixed the graph to them; use 0 and -1 in reshape instead, or trace again at this shape',
      );
    }
    return dims;
  });
}

/** The dtype and dims of every value for these input dims; packed weights stand for themselves. */
export function inferShapes(program: Program, inputDims: readonly Dims[]): (OperandMeta | undefined)[] {
  const metas: (OperandMeta | undefined)[] = program.values.map(({ constant }) =>
    constant === undefined || isPackedParams(constant) ? constant : { dtype: constant.type, dims: constant.raw.dims },
  );
  program.inputs.forEach((input, i) => {
    metas[input.value] = { dtype: input.dtype, dims: inputDims[i] as Dims };
  });
  for (const instruction of program.instructions) {
    const operands = instruction.inputs.map((v) => (v < 0 ? null : (metas[v] as OperandMeta)));
    const outputs: TensorMeta[] = opByName(instruction.op).infer(operands, instruction.attrs);
    checkResultSizes(instruction.op, outputs);
    instruction.outputs.forEach((v, i) => {
      metas[v] = outputs[i];
    });
  }
  return metas;
}

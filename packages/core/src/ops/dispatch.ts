import { activeBackend } from '../backend/registry.js';
import { OctavoError } from '../errors.js';
import { QuantizedTensor } from '../tensor/quantized-tensor.js';
import { Tensor } from '../tensor/tensor.js';
import { checkResultSizes } from './check.js';
import { checkAttrs } from './check-attrs.js';
import type { Attrs, OpDef, Operand, OperandMeta } from './op-def.js';
import { activeRecorder, withRecorder } from './recorder.js';

/**
 * Runs one op eagerly: checks operands by its shape rule, calls the active backend's kernel, or the reference
 * where the backend has none, and tells a running trace.
 */
export function dispatch(def: OpDef, inputs: readonly (Operand | null)[], attrs: Attrs = {}): Tensor[] {
  const recorder = activeRecorder();
  if (recorder === null) return execute(def, inputs, attrs);
  const outputs = withRecorder(null, () => execute(def, inputs, attrs));
  recorder.op(def, inputs, attrs, outputs);
  return outputs;
}

function execute(def: OpDef, inputs: readonly (Operand | null)[], attrs: Attrs): Tensor[] {
  const metas: (OperandMeta | null)[] = [];
  for (let i = 0; i < inputs.length; i++) metas.push(operandMeta(def, inputs[i] as Operand | null));
  // The shape rule first: its messages say more.
  const outputs = def.infer(metas, attrs);
  checkResultSizes(def.name, outputs);
  checkAttrs(def, attrs);
  const kernel = activeBackend().kernel(def);
  return kernel === undefined ? def.reference(inputs, attrs) : kernel(inputs, attrs, outputs);
}

function operandMeta(def: OpDef, operand: Operand | null): OperandMeta | null {
  if (Tensor.is(operand)) return operand.raw;
  if (QuantizedTensor.is(operand)) throw codesGiven(def);
  return operand;
}

/** What a shape rule needs to know of an operand. */
export function metaOf(operand: Operand | null): OperandMeta | null {
  return Tensor.is(operand) ? operand.raw : operand;
}

/** A float function was called on codes: in eager quantization the usual slip. */
function codesGiven({ name }: OpDef): OctavoError {
  return new OctavoError(
    'INVALID_DTYPE',
    `[${name}] got a QuantizedTensor, but computes on tensors; call the function of that name in Q, in a model to be ` +
      'quantized use FloatFunctional (add, mul, cat, matmul) or a module in place of the function, or put a DeQuantStub before it',
  );
}

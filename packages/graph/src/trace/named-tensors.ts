import { OctavoError, Tensor } from '@octavo/core';

/** Example inputs by name, or in order. ONNX Runtime's tensors will do as well. */
export type TraceInputs = Readonly<Record<string, Tensor>> | readonly Tensor[];

/** Inputs with their names: keys of the record, or `input0`, `input1`, ... */
export function namedInputs(inputs: TraceInputs): [string, Tensor][] {
  const entries: [string, unknown][] = Array.isArray(inputs)
    ? inputs.map((tensor, i) => [`input${i}`, tensor])
    : Object.entries(inputs ?? {});
  if (Tensor.is(inputs) || entries.length === 0) {
    throw new OctavoError('INVALID_ARGUMENT', '[trace] expected example inputs as { name: tensor } or [tensor]');
  }
  return entries.map(([name, value]) => [name, wrapInput(name, value)]);
}

function wrapInput(name: string, value: unknown): Tensor {
  if (typeof value === 'object' && value !== null && 'type' in value && 'dims' in value && 'data' in value) {
    return Tensor.wrap(value as Tensor);
  }
  throw new OctavoError('INVALID_ARGUMENT', `[trace] input '${name}' must be a tensor, got ${describe(value)}`);
}

/** What a traced forward returned, by name: `output` for one tensor, `output0`, ... for an array, or its own keys. */
export function namedOutputs(result: unknown): [string, Tensor][] {
  const entries = Tensor.is(result) ? [['output', result] as const] : outputEntries(result);
  if (entries.length === 0) {
    throw new OctavoError(
      'TRACE_FAILED',
      '[trace] forward returned nothing; expected a tensor, an array or a record of tensors',
    );
  }
  return entries.map(([name, value]) => {
    if (Tensor.is(value)) return [name, value];
    throw new OctavoError(
      'TRACE_FAILED',
      `[trace] forward must return a tensor, an array or a record of tensors; ${name} is ${describe(value)}`,
    );
  });
}

function outputEntries(result: unknown): (readonly [string, unknown])[] {
  if (Array.isArray(result)) return result.map((value, i) => [`output${i}`, value] as const);
  const plain = typeof result === 'object' && result !== null && !('then' in result);
  return plain ? Object.entries(result) : [['its result', result]];
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`;
  return 'then' in value ? 'a promise (forward must be synchronous)' : `a ${value.constructor?.name ?? 'object'}`;
}

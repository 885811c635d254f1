import { type Module, OctavoError } from '@octavo/core';
import { convert } from './convert.js';
import { type PrepareOptions, prepare } from './prepare.js';

/**
 * Static quantization in one call (PyTorch's `quantize`): `prepare`, `calibrate` on the prepared model, which runs
 * representative inputs through it and may be asynchronous, and `convert`. Fuse before: `fuseModules(model)`.
 *
 * `await quantize(fuseModules(model), (prepared) => { for (const x of inputs) prepared.call(x); })`
 */
export async function quantize<M extends Module>(
  model: M,
  calibrate: (prepared: M) => unknown,
  options: PrepareOptions = {},
): Promise<M> {
  if (typeof calibrate !== 'function') {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[quantize] expected a function of the prepared model as second argument: (prepared) => { for (const x of inputs) prepared.call(x); }',
    );
  }
  const prepared = prepare(model, options);
  await calibrate(prepared);
  const { mapping } = options;
  // The copy, where one was asked for, was made by prepare.
  return convert(prepared, { inplace: options.inplace === true, ...(mapping === undefined ? {} : { mapping }) });
}

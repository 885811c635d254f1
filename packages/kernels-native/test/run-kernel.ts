import { type Attrs, type Backend, checkAttrs, metaOf, type OpDef, type Operand, type Tensor } from '@octavo/core';

/** One op on the backend's kernel, with the checks that dispatch makes before; an error where it has no kernel. */
export function runKernel(
  backend: Backend | undefined,
  def: OpDef,
  inputs: readonly (Operand | null)[],
  attrs: Attrs,
): Tensor[] {
  const kernel = backend?.kernel(def);
  if (kernel === undefined) throw new Error(`${def.name} has no native kernel`);
  const outputs = def.infer(inputs.map(metaOf), attrs);
  checkAttrs(def, attrs);
  return kernel(inputs, attrs, outputs);
}

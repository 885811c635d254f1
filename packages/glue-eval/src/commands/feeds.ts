import { OctavoError, type Tensor } from '@octavo/core';

/** The tensors that a graph's inputs are fed from a file; other tensors of the file are left alone. */
export function feedsOf(
  names: readonly string[],
  tensors: Readonly<Record<string, Tensor>>,
  file: string,
): Record<string, Tensor> {
  return Object.fromEntries(
    names.map((name) => {
      const tensor = tensors[name];
      if (tensor !== undefined) return [name, tensor];
      throw new OctavoError(
        'INVALID_FILE',
        `${file}: expected a tensor '${name}' for the graph's input, got ${Object.keys(tensors).join(', ') || 'no tensor'}`,
      );
    }),
  );
}

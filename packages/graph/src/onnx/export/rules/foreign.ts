import { Tensor } from '@octavo/core';
import type { OnnxAttribute } from '../model-writer.js';
import type { ExportRule } from '../rule.js';

/** Operator sets whose operators of shapes are those of the exported one. */
const SAME = { first: 13, last: 17 };

/** A node that the importer kept as it was, because its shapes are computed when the model runs: written back. */
export const foreign: ExportRule = (n) => {
  const { opset, node: _, ...own } = n.node.attrs;
  if (Number(opset) < SAME.first || Number(opset) > SAME.last) {
    throw n.unsupported(`it was kept as opset ${opset} has it; ${SAME.first} to ${SAME.last} can be written`);
  }
  const attrs: Record<string, OnnxAttribute> = {};
  for (const [name, value] of Object.entries(own)) {
    if (typeof value === 'string') attrs[name] = { text: value };
    else if (typeof value !== 'number')
      attrs[name] = Tensor.is(value) ? { tensor: value } : (value as readonly number[]);
    else attrs[name] = Number.isInteger(value) ? value : { float: value };
  }
  const inputs = n.node.inputs.map((input, i) => (input === null ? '' : n.input(i)));
  return n.writer.ops(n.node.op.slice('onnx::'.length), inputs, n.node.outputs.length, attrs);
};

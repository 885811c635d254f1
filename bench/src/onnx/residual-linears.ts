import { Generator } from '@octavo/core';
import { OnnxGraph } from './graph.js';

const WIDTH = 4;
const SMALL = 1e-5;

/**
 * A model of very many small nodes: `layers` times x + relu(x W + b), four nodes each, with weights [4, 4] of their own.
 * Input `x` float32 [n, 4]. Values so small that a sum of so many terms stays near x: static quantization wants ranges.
 */
export function writeResidualLinears(layers: number): Uint8Array {
  const generator = new Generator(1);
  const graph = new OnnxGraph();
  const floats = (name: string, ...dims: number[]): string => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => generator.uniform(-SMALL, SMALL));
    return graph.initializer(name, { type: 'float32', dims, data });
  };
  let sum = graph.input('x', 'float32', ['n', WIDTH]);
  for (let i = 0; i < layers; i++) {
    const product = graph.node('MatMul', [sum, floats(`layers.${i}.weight`, WIDTH, WIDTH)]);
    const biased = graph.node('Add', [product, floats(`layers.${i}.bias`, WIDTH)]);
    sum = graph.node('Add', [sum, graph.node('Relu', [biased])], {}, i === layers - 1 ? 'y' : undefined);
  }
  graph.output('y', 'float32', ['n', WIDTH]);
  return graph.encode();
}

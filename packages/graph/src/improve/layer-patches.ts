import type { Tensor } from '@octavo/core';
import type { Node } from '../ir/node.js';

// Linears and convolutions as what both are: a matrix product, in groups, of a weight and patches of the input.

/**
 * How a layer's weight [out, in / groups, ...kernel] lies as matrices [groups, rows, depth], without moving anything.
 */
export interface LayerShape {
  readonly groups: number;
  /** Output channels of a group. */
  readonly rows: number;
  /** Weights of an output channel. */
  readonly depth: number;
}

export function shapeOfLayer({ attrs }: Node, weight: Tensor): LayerShape {
  const { dims, data } = weight.raw;
  const groups = (attrs.groups as number | undefined) ?? 1;
  const out = dims[0] as number;
  return { groups, rows: out / groups, depth: data.length / out };
}

/** Where a layer's outputs lie for an input of `dims`, and what each of them reads. */
export interface Patches {
  /** How many outputs a channel has, over all examples. */
  readonly count: number;
  /** What the outputs at `positions`, each below `count`, read of `x`: [groups, positions, depth]. */
  read(x: Float32Array, positions: Int32Array): Float32Array;
}

/** The patches of an `aten::linear` or `aten::conv` node. */
export function patchesOf(node: Node, weight: Tensor, dims: readonly number[]): Patches {
  return node.op === 'aten::linear' ? rowPatches(dims) : convPatches(node, weight, dims);
}

function rowPatches(dims: readonly number[]): Patches {
  const width = dims.at(-1) as number;
  return {
    count: dims.slice(0, -1).reduce((count, dim) => count * dim, 1),
    read(x, positions) {
      const rows = new Float32Array(positions.length * width);
      positions.forEach((row, i) => {
        rows.set(x.subarray(row * width, (row + 1) * width), i * width);
      });
      return rows;
    },
  };
}

function convPatches(node: Node, weight: Tensor, [batch, channels, ...spatial]: readonly number[]): Patches {
  const { groups, depth } = shapeOfLayer(node, weight);
  const kernel = weight.raw.dims.slice(2);
  const rank = kernel.length;
  const list = (name: string, fill: number): readonly number[] => {
    const given = node.attrs[name] as readonly number[] | undefined;
    return given === undefined || given.length === 0 ? kernel.map(() => fill) : given;
  };
  const [stride, dilation, begin] = [list('stride', 1), list('dilation', 1), list('padding', 0)];
  const end = begin.length > rank ? begin.slice(rank) : begin;
  const axes = kernel.map((taps, a) => {
    const [size, step, gap] = [spatial[a], stride[a], dilation[a]] as [number, number, number];
    const pads = (begin[a] as number) + (end[a] as number);
    const length = Math.floor((size + pads - gap * (taps - 1) - 1) / step) + 1;
    return { taps, size, step, gap, begin: begin[a] as number, length };
  });
  const taps = axes.reduce((product, axis) => product * axis.taps, 1);
  const perGroup = depth / taps;
  const plane = spatial.reduce((product, size) => product * size, 1);
  const outputs = axes.reduce((product, axis) => product * axis.length, 1);

  /** The elements of a plane that an output position reads, tap by tap; -1 in the padding. */
  const tapOffsets = (position: number, offsets: Int32Array): void => {
    for (let tap = 0; tap < taps; tap++) {
      let [rest, tapRest, offset, run] = [position, tap, 0, 1];
      for (let a = rank - 1; a >= 0; a--) {
        const axis = axes[a] as (typeof axes)[number];
        const at = (rest % axis.length) * axis.step + (tapRest % axis.taps) * axis.gap - axis.begin;
        rest = Math.floor(rest / axis.length);
        tapRest = Math.floor(tapRest / axis.taps);
        offset = offset < 0 || at < 0 || at >= axis.size ? -1 : offset + at * run;
        run *= axis.size;
      }
      offsets[tap] = offset;
    }
  };
  return {
    count: (batch as number) * outputs,
    read(x, positions) {
      const patches = new Float32Array(groups * positions.length * depth);
      const offsets = new Int32Array(taps);
      for (let i = 0; i < positions.length; i++) {
        const position = positions[i] as number;
        const example = Math.floor(position / outputs);
        tapOffsets(position % outputs, offsets);
        for (let channel = 0; channel < groups * perGroup; channel++) {
          const group = Math.floor(channel / perGroup);
          const to = (group * positions.length + i) * depth + (channel % perGroup) * taps;
          const from = (example * (channels as number) + channel) * plane;
          for (let tap = 0; tap < taps; tap++) {
            const offset = offsets[tap] as number;
            if (offset >= 0) patches[to + tap] = x[from + offset] as number;
          }
        }
      }
      return patches;
    },
  };
}

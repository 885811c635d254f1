import { F, type LinearPackedParams, type nn, OctavoError, type StateDict, type Tensor } from '@octavo/core';
import { type DynamicLinearAttrs, dynamicLinearAttrs, type QConfig } from '@octavo/observers';
import { packWeight } from './pack-weight.js';
import { type DynamicRange, emptyPacked, packedFromState, packedState } from './packed-state.js';

/** The two packed linears of one direction of one layer: int8 weights with all gates stacked, float32 biases. */
export interface PackedRecurrentLayer {
  readonly ih: LinearPackedParams;
  readonly hh: LinearPackedParams;
}

/** What the quantized forms are built with apart from sizes: ranges of inputs, and scales of weights. */
export interface DynamicRecurrentConfig extends DynamicLinearAttrs {
  readonly perChannel: boolean;
}

/** The linears of a cell over packed weights. Each call takes its range anew. */
export function dynamicLayer({ ih, hh }: PackedRecurrentLayer, range: DynamicRange): nn.RecurrentLayer {
  return { input: (x) => F.linearDynamic(x, ih, range), hidden: (h) => F.linearDynamic(h, hh, range) };
}

/** Packs the parameters of a suffix; each weight has an observer of its own (PyTorch, dynamic/modules/rnn.py). */
export function packLayer(
  parameters: { readonly [name: string]: unknown },
  suffix: string,
  qconfig: QConfig,
): PackedRecurrentLayer {
  const pack = (name: string): LinearPackedParams =>
    packWeight(
      `weight_${name}${suffix}`,
      parameters[`weight_${name}${suffix}`] as Tensor,
      parameters[`bias_${name}${suffix}`] as Tensor,
      qconfig,
    );
  return { ih: pack('ih'), hh: pack('hh') };
}

/** Zeros of the right sizes, for a state dict. */
export function emptyLayer(rows: number, input: number, hidden: number, perChannel: boolean): PackedRecurrentLayer {
  const empty = (columns: number): LinearPackedParams => emptyPacked(rows, columns, { bias: true, perChannel });
  return { ih: empty(input), hh: empty(hidden) };
}

/** The qconfig's attributes, after checks that the float module has an int8 form, which PyTorch's refuses too. */
export function recurrentAttrs(
  { typeName, bias, projSize = 0 }: { typeName: string; bias: boolean; projSize?: number },
  qconfig: QConfig,
): DynamicLinearAttrs {
  const refuse = (what: string): OctavoError =>
    new OctavoError(
      'UNSUPPORTED',
      `[DynamicQuantized${typeName}] ${what}; keep this module float with null in the qconfig map`,
    );
  if (!bias) throw refuse('expected a module with biases, got bias=false, which has no int8 form');
  if (projSize > 0) throw refuse(`expected a module without projections, got projSize=${projSize}`);
  return dynamicLinearAttrs(qconfig);
}

/** Both linears under two prefixes. */
export function layerState(prefixes: readonly [ih: string, hh: string], layer: PackedRecurrentLayer): StateDict {
  return { ...packedState(prefixes[0], layer.ih), ...packedState(prefixes[1], layer.hh) };
}

/** What `layerState` gave. */
export function layerFromState(
  module: string,
  state: StateDict,
  prefixes: readonly [ih: string, hh: string],
  like: PackedRecurrentLayer,
): PackedRecurrentLayer {
  return {
    ih: packedFromState(module, state, prefixes[0], like.ih),
    hh: packedFromState(module, state, prefixes[1], like.hh),
  };
}

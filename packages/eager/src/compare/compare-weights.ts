import type { LinearPackedParams, Module, nn, Tensor } from '@octavo/core';
import { type Comparable, Comparison, type ComparisonRow } from '@octavo/observers';
import { isExactly, type ModuleClass } from '../convert/module-class.js';
import { DynamicQuantizedLinear } from '../dynamic/linear.js';
import type { PackedRecurrentLayer } from '../dynamic/recurrent-weights.js';
import { DynamicQuantizedGRU, DynamicQuantizedLSTM } from '../dynamic/rnn.js';
import { DynamicQuantizedGRUCell, DynamicQuantizedLSTMCell, DynamicQuantizedRNNCell } from '../dynamic/rnn-cells.js';
import { QuantizedEmbedding } from '../embedding/quantized-embedding.js';
import { QuantizedEmbeddingBag } from '../embedding/quantized-embedding-bag.js';
import { withBatchNormFolded } from '../fuse/fold.js';
import { Fused } from '../fuse/fused.js';
import { QuantizedConv } from '../static/quantized-conv.js';
import { QuantizedLinear } from '../static/quantized-linear.js';
import { twinsWithParts } from './twins.js';

type Named = [name: string, weight: Comparable][];

/** Quantized classes, with how their weights are read under the names that the float module has. */
const READERS: readonly { readonly classes: readonly ModuleClass[]; read(module: never): Named }[] = [
  {
    classes: [DynamicQuantizedLinear, QuantizedLinear, QuantizedConv, QuantizedEmbedding, QuantizedEmbeddingBag],
    read: ({ weight }: { weight: Comparable }) => [['weight', weight]],
  },
  {
    classes: [DynamicQuantizedLSTM, DynamicQuantizedGRU],
    read: ({ layers, directions }: nn.RNNBase & { layers: readonly PackedRecurrentLayer[] }) =>
      directions.flatMap(({ suffix }, i) => recurrent(suffix, layers[i] as PackedRecurrentLayer)),
  },
  {
    classes: [DynamicQuantizedLSTMCell, DynamicQuantizedGRUCell, DynamicQuantizedRNNCell],
    read: ({ packed }: { packed: PackedRecurrentLayer }) => recurrent('', packed),
  },
];

/** Both weights of a layer: PyTorch's `compare_weights` compares `hh` with `ih` twice. */
function recurrent(suffix: string, { ih, hh }: Record<'ih' | 'hh', LinearPackedParams>): Named {
  return [
    [`weight_ih${suffix}`, ih.weight],
    [`weight_hh${suffix}`, hh.weight],
  ];
}

/**
 * Every weight of a quantized model beside the float model's (PyTorch's `compare_weights`): one row of kind 'weight' a
 * weight, by module path and parameter name, `encoder.rnn.weight_hh_l0`. `float` is the model as it was prepared, after
 * `fuseModules`: weights are then those with the batch norm in them.
 */
export function compareWeights(float: Module, quantized: Module): ComparisonRow[] {
  return twinsWithParts(float, quantized).flatMap(([path, twin, module]) => {
    const owner = weightOwner(twin) as unknown as Record<string, Tensor | undefined>;
    return weightsOf(module).flatMap(([name, weight]) => {
      const original = owner[name];
      const full = path === '' ? name : `${path}.${name}`;
      if (original === undefined || original === weight) return [];
      return [new Comparison(full, 'weight', module.typeName).add(original, weight).row()];
    });
  });
}

/**
 * The module whose weight a float module's quantized form has: the first of a fused one, with its batch norm folded in.
 */
function weightOwner(module: Module): Module {
  if (!(module instanceof Fused)) return module;
  const { first, batchNorm } = module as Fused<nn.Linear>;
  return batchNorm === null ? first : withBatchNormFolded(first, batchNorm);
}

/** The weights of a quantized module; float16 forms have theirs under the float names. */
function weightsOf(module: Module): Named {
  const reader = READERS.find(({ classes }) => classes.some((each) => isExactly(module, each)));
  if (reader !== undefined) return reader.read(module as never);
  return [...module.namedTensors()].filter(([, { type }]) => type === 'float16');
}

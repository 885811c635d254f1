import { type Module, nn } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import type { Swap, SwapTable } from '../convert/swap-table.js';
import { FusedConv, FusedLinear } from '../fuse/fused.js';
import { FakeQuantizedConv } from './conv.js';
import { FakeQuantizedLinear } from './linear.js';

const describe = () => 'trained with fake quantization';

const linear: Swap<nn.Linear, FakeQuantizedLinear> = {
  float: nn.Linear,
  quantized: FakeQuantizedLinear,
  fromFloat: (layer, qconfig) => new FakeQuantizedLinear(layer, qconfig),
  describe,
};

const convs = [nn.Conv1d, nn.Conv2d, nn.Conv3d].map(
  (float): Swap<nn.ConvNd, FakeQuantizedConv> => ({
    float,
    quantized: FakeQuantizedConv,
    fromFloat: (layer, qconfig) => new FakeQuantizedConv(layer, qconfig),
    describe,
  }),
);

const fusedLinear: Swap<FusedLinear, FakeQuantizedLinear> = {
  float: FusedLinear,
  quantized: FakeQuantizedLinear,
  fromFloat: (fused: FusedLinear, qconfig: QConfig) =>
    new FakeQuantizedLinear(fused.first, qconfig, { ...fused.kind, batchNorm: fused.batchNorm }),
  describe,
};

const fusedConv: Swap<FusedConv, FakeQuantizedConv> = {
  float: FusedConv,
  quantized: FakeQuantizedConv,
  fromFloat: (fused: FusedConv, qconfig: QConfig) =>
    new FakeQuantizedConv(fused.first, qconfig, { ...fused.kind, batchNorm: fused.batchNorm }),
  describe,
};

/** The swaps of `prepareQat`: where a module with a form that is trained is added. */
export const QAT_SWAPS = [linear, ...convs, fusedLinear, fusedConv] as unknown as SwapTable;

/** True for what `prepareQat` makes of layers. */
export function isFakeQuantized(module: Module): module is FakeQuantizedConv | FakeQuantizedLinear {
  return module instanceof FakeQuantizedConv || module instanceof FakeQuantizedLinear;
}

import { ConvPackedParams, type Dims, LinearPackedParams, type Module, nn, type Q, sizeOf } from '@octavo/core';
import { quantizeWeightAs } from '@octavo/observers';
import type { ModuleClass } from '../convert/module-class.js';
import type { Swap, SwapTable } from '../convert/swap-table.js';
import { withBatchNormFolded } from '../fuse/fold.js';
import { type Fused, FusedBatchNorm, FusedConv, FusedLinear } from '../fuse/fused.js';
import { FakeQuantizedConv } from '../qat/conv.js';
import type { FakeQuantized } from '../qat/fake-quantized.js';
import { FakeQuantizedLinear } from '../qat/linear.js';
import { FloatFunctional, QFunctional } from '../stubs/float-functional.js';
import { DeQuantize, DeQuantStub, Quantize, QuantStub } from '../stubs/quant-stub.js';
import { CODE_FUNCTIONS } from './code-functions.js';
import { OnCodes } from './on-codes.js';
import { QuantizedConv } from './quantized-conv.js';
import { QuantizedLinear } from './quantized-linear.js';

const weighted = {
  observes: 'output',
  describe: ({ packed }: { packed: { weight: { axis: number | null } } }) =>
    `static: 8-bit codes in and out; weights per ${packed.weight.axis === null ? 'tensor' : 'channel'}`,
} as const;

const CONVS = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d];

const convs = CONVS.map(
  (float): Swap<nn.ConvNd, QuantizedConv> => ({
    float,
    quantized: QuantizedConv,
    fromFloat: (module, qconfig, output) => QuantizedConv.fromFloat(module, qconfig, output as Q.OutputQParams),
    multiplyAdds: ({ weight }) => sizeOf(weight.dims),
    // Each pixel of the output, or of the input that a transposed one spreads, meets the whole weight.
    positions: (module, x, y) => pixels(geometryOf(module).transposed ? x : y),
    ...weighted,
  }),
);

function geometryOf(module: nn.ConvNd | QuantizedConv): Pick<nn.ConvNd, 'transposed'> {
  return module instanceof QuantizedConv ? module.packed : module;
}

/** Pixels of images [batch, channels, ...spatial]. */
function pixels([batch = 1, , ...spatial]: Dims): number {
  return batch * sizeOf(spatial);
}

const linear: Swap<nn.Linear, QuantizedLinear> = {
  float: nn.Linear,
  quantized: QuantizedLinear,
  fromFloat: (module, qconfig, output) => QuantizedLinear.fromFloat(module, qconfig, output as Q.OutputQParams),
  multiplyAdds: ({ inFeatures, outFeatures }) => inFeatures * outFeatures,
  ...weighted,
};

const fusedConv: Swap<FusedConv, QuantizedConv> = {
  float: FusedConv,
  quantized: QuantizedConv,
  fromFloat: (fused, qconfig, output) =>
    QuantizedConv.fromFloat(firstOf(fused), qconfig, output as Q.OutputQParams, fused.activation),
  ...weighted,
};

const fusedLinear: Swap<FusedLinear, QuantizedLinear> = {
  float: FusedLinear,
  quantized: QuantizedLinear,
  fromFloat: (fused, qconfig, output) =>
    QuantizedLinear.fromFloat(firstOf(fused), qconfig, output as Q.OutputQParams, fused.activation),
  ...weighted,
};

/** The first module of a fused one, with a batch norm that training kept folded into it. */
function firstOf<M extends nn.ConvNd | nn.Linear>({ first, batchNorm }: Fused<M>): M {
  return batchNorm === null ? first : withBatchNormFolded(first, batchNorm);
}

const trainedConv: Swap<FakeQuantizedConv, QuantizedConv> = {
  float: FakeQuantizedConv,
  quantized: QuantizedConv,
  fromFloat: (trained, _qconfig, output) => {
    const layer = foldedLayer(trained);
    const weight = quantizeWeightAs(layer.weight, trained.weightFakeQuant.calculateQParams());
    const packed = new ConvPackedParams(weight, layer.bias, layer);
    return new QuantizedConv(packed, output as Q.OutputQParams, trained.activation);
  },
  ...weighted,
};

const trainedLinear: Swap<FakeQuantizedLinear, QuantizedLinear> = {
  float: FakeQuantizedLinear,
  quantized: QuantizedLinear,
  fromFloat: (trained, _qconfig, output) => {
    const layer = foldedLayer(trained);
    const weight = quantizeWeightAs(layer.weight, trained.weightFakeQuant.calculateQParams());
    const packed = new LinearPackedParams(weight, layer.bias);
    return new QuantizedLinear(packed, output as Q.OutputQParams, trained.activation);
  },
  ...weighted,
};

/** A trained layer with its batch norm folded in: the weight that training has fake-quantized. */
function foldedLayer<M extends nn.ConvNd | nn.Linear>(trained: FakeQuantized<M>): M {
  const layer = trained.trainedLayer();
  return trained.bn === null ? layer : withBatchNormFolded(layer, trained.bn);
}

const onCodes = {
  quantized: OnCodes,
  precision: ({ ran }: OnCodes) => ran ?? 'int8',
  describe: ({ ran, observed }: OnCodes) => {
    if (ran === 'float32') return 'float values reach it: it lies outside the stubs';
    return observed ? 'static: 8-bit codes in and out' : 'on the codes of its input';
  },
} as const;

const codeFunctions = CODE_FUNCTIONS.map(
  ({ float, observed }): Swap<Module, OnCodes> => ({
    float,
    fromFloat: (module, _qconfig, output) => new OnCodes(module, { output: output ?? null }),
    ...(observed ? { observes: 'output' as const } : {}),
    ...onCodes,
  }),
);

const fusedBatchNorm: Swap<FusedBatchNorm, OnCodes> = {
  float: FusedBatchNorm,
  fromFloat: ({ first }, _qconfig, output) => new OnCodes(first, { output: output as Q.OutputQParams, relu: true }),
  observes: 'output',
  ...onCodes,
};

/** Modules that hold nothing but the way in and out of codes. */
const ends = [
  {
    float: QuantStub,
    quantized: Quantize,
    fromFloat: (_stub: Module, _qconfig: unknown, output: Q.OutputQParams) => new Quantize(output),
    observes: 'output',
    describe: () => 'float to codes',
  },
  {
    float: DeQuantStub,
    quantized: DeQuantize,
    fromFloat: () => new DeQuantize(),
    describe: () => 'codes to float',
  },
  {
    float: FloatFunctional,
    quantized: QFunctional,
    fromFloat: (_functional: Module, _qconfig: unknown, output: Q.OutputQParams) => new QFunctional(output),
    observes: 'itself',
    describe: () => 'static: 8-bit codes in and out',
  },
];

/** The swaps of static quantization, PyTorch's default mapping: where a module with a calibrated form is added. */
export const STATIC_SWAPS = [
  ...ends,
  ...convs,
  linear,
  fusedConv,
  fusedLinear,
  fusedBatchNorm,
  trainedConv,
  trainedLinear,
  ...codeFunctions,
] as unknown as SwapTable;

/** True for what static quantization makes. */
export function isStaticModule(module: Module): boolean {
  const classes: readonly ModuleClass[] = [Quantize, DeQuantize, QFunctional, QuantizedConv, QuantizedLinear, OnCodes];
  return classes.some((each) => module instanceof each);
}

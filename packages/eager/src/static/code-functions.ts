import { F, formatDims, type Module, nn, OctavoError, type PerAxis, Q, QuantizedTensor } from '@octavo/core';
import type { ModuleClass } from '../convert/module-class.js';

/** A float class and what it does with codes: one row a class. */
export interface CodeFunction<M extends Module = Module> {
  readonly float: ModuleClass<M>;
  /** As PyTorch prints the quantized form; the float class's name where PyTorch keeps the float class. */
  readonly name: string;
  /** True where the output has a scale and zero point of its own, which calibration finds. */
  readonly observed: boolean;
  /** True where float tensors are taken as well, as by classes that PyTorch leaves float. */
  readonly takesFloat: boolean;
  /** `output` means nothing where the class is not observed; only batch norms read its `relu`. */
  run(x: QuantizedTensor, module: M, output: Q.ArithmeticOptions): QuantizedTensor;
}

type Run<M extends Module> = CodeFunction<M>['run'];

/** The output keeps the input's scale and zero point, or has fixed ones, as a sigmoid's 1/256. */
function keeps<M extends Module>(float: ModuleClass<M>, run: Run<M>, name = float.name): CodeFunction {
  return { float, name, observed: false, takesFloat: true, run } as unknown as CodeFunction;
}

/** The output's scale and zero point are those that calibration found. */
function observes<M extends Module>(float: ModuleClass<M>, run: Run<M>, takesFloat = false): CodeFunction {
  return { float, name: `Quantized${float.name}`, observed: true, takesFloat, run } as unknown as CodeFunction;
}

const same: Run<Module> = (x) => x;

/** Codes whose shape alone changes. */
function reshaped(x: QuantizedTensor, change: (values: QuantizedTensor['values']) => QuantizedTensor['values']) {
  return new QuantizedTensor(x.dtype, change(x.values), x);
}

const batchNorm: Run<nn.BatchNorm> = (x, { running_mean, running_var, weight, bias, eps }, output) =>
  Q.batchNorm(x, running_mean, running_var, { weight, bias, eps, ...output });

function instanceNorm(axes: number): Run<Module & Pick<nn.LayerNorm, 'weight' | 'bias' | 'eps'>> {
  return (x, { weight, bias, eps, typeName }, output) => {
    if (x.dims.length === axes + 2) return Q.instanceNorm(x, { weight, bias, eps, ...output });
    throw new OctavoError(
      'INVALID_SHAPE',
      `[Quantized${typeName}] expected x of rank ${axes + 2}, batch and channels first, got ${formatDims(x.dims)}`,
    );
  };
}

/** The size that an upsampling gives images, from a size or factors. */
function upsampledSize(x: QuantizedTensor, { size, scaleFactor }: nn.Upsample): [height: number, width: number] {
  const [height = 1, width = 1] = x.dims.slice(-2);
  const [a, b] = twoOf(size ?? (scaleFactor as PerAxis));
  return size === null ? [Math.floor(height * a), Math.floor(width * b)] : [a, b];
}

function twoOf(value: PerAxis): [number, number] {
  return typeof value === 'number' ? [value, value] : [value[0] as number, value[1] as number];
}

/**
 * Float classes that compute on codes where codes come, without weights of their own in int8: where one is added. Those
 * that PyTorch's modules run on quantized tensors as they are (ReLU, pools, Flatten, Dropout) have rows here as well,
 * so that the classes of `nn` stay float only and a printed model, its coverage and its file say what runs on codes.
 */
export const CODE_FUNCTIONS: readonly CodeFunction[] = [
  keeps(nn.ReLU, (x) => Q.relu(x)),
  keeps(nn.ReLU6, (x) => Q.relu6(x), 'QuantizedReLU6'),
  keeps(nn.Hardtanh, (x, { minVal, maxVal }) => Q.hardtanh(x, minVal, maxVal)),
  keeps(nn.Sigmoid, (x) => Q.sigmoid(x)),
  keeps(nn.Hardsigmoid, (x) => Q.hardsigmoid(x)),
  keeps(nn.Tanh, (x) => Q.tanh(x)),
  keeps(nn.Softmax, (x, { dim }) => Q.softmax(x, dim)),
  keeps(nn.MaxPool1d, (x, pool) => Q.maxPool1d(x, pool.kernel, pool)),
  keeps(nn.MaxPool2d, (x, pool) => Q.maxPool2d(x, pool.kernel, pool)),
  keeps(nn.MaxPool3d, (x, pool) => Q.maxPool3d(x, pool.kernel, pool)),
  keeps(nn.AvgPool1d, (x, pool) => Q.avgPool1d(x, pool.kernel, pool)),
  keeps(nn.AvgPool2d, (x, pool) => Q.avgPool2d(x, pool.kernel, pool)),
  keeps(nn.AvgPool3d, (x, pool) => Q.avgPool3d(x, pool.kernel, pool)),
  keeps(nn.AdaptiveAvgPool1d, (x, { outputSize }) => Q.adaptiveAvgPool1d(x, outputSize)),
  keeps(nn.AdaptiveAvgPool2d, (x, { outputSize }) => Q.adaptiveAvgPool2d(x, outputSize)),
  keeps(nn.AdaptiveAvgPool3d, (x, { outputSize }) => Q.adaptiveAvgPool3d(x, outputSize)),
  keeps(nn.Upsample, (x, module) => Q.interpolate(x, upsampledSize(x, module), module)),
  ...[nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d].map((float) => keeps(float, (x, { padding }) => Q.pad(x, padding))),
  keeps(nn.Flatten, (x, { startDim, endDim }) => reshaped(x, (values) => F.flatten(values, startDim, endDim))),
  keeps(nn.Dropout, same, 'QuantizedDropout'),
  keeps(nn.Identity, same),
  observes(nn.Hardswish, (x, _module, output) => Q.hardswish(x, output)),
  observes(nn.ELU, (x, { alpha }, output) => Q.elu(x, { alpha, ...output })),
  observes(nn.CELU, (x, { alpha }, output) => Q.celu(x, { alpha, ...output })),
  observes(nn.LeakyReLU, (x, { negativeSlope }, output) => Q.leakyRelu(x, { negativeSlope, ...output })),
  // PyTorch has no GELU on codes: its models put a DeQuantStub before it, and here they may.
  observes(nn.GELU, (x, _module, output) => Q.gelu(x, output), true),
  observes(nn.LayerNorm, (x, { normalizedShape, weight, bias, eps }, output) =>
    Q.layerNorm(x, normalizedShape, { weight, bias, eps, ...output }),
  ),
  observes(nn.GroupNorm, (x, { numGroups, weight, bias, eps }, output) =>
    Q.groupNorm(x, numGroups, { weight, bias, eps, ...output }),
  ),
  observes(nn.InstanceNorm1d, instanceNorm(1)),
  observes(nn.InstanceNorm2d, instanceNorm(2)),
  observes(nn.InstanceNorm3d, instanceNorm(3)),
  observes(nn.BatchNorm1d, batchNorm),
  observes(nn.BatchNorm2d, batchNorm),
  observes(nn.BatchNorm3d, batchNorm),
];

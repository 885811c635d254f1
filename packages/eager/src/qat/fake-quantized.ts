import { cloneModule, F, Module, type nn, OctavoError, Tensor } from '@octavo/core';
import { FakeQuantize, type LayerGradients, type QConfig } from '@octavo/observers';
import { observationOf } from '../convert/observation.js';
import type { FusedActivation } from '../fuse/fused.js';
import { batchNormGradients } from './batch-norm-gradient.js';
import { type ChannelLayout, mapByChannel, parameterOf, sumByChannel } from './by-channel.js';

/** What `backward` gives: the derivatives of a loss, float32, with the dims of what they belong to. */
export interface Gradients {
  readonly input: Tensor<'float32'>;
  readonly weight: Tensor<'float32'>;
  /** Null where the module has no bias. */
  readonly bias: Tensor<'float32'> | null;
  /** Of the batch norm that is trained along; null where there is none. */
  readonly batchNorm: { readonly weight: Tensor<'float32'>; readonly bias: Tensor<'float32'> } | null;
}

/** What the last forward in training mode leaves for `backward`. */
interface Saved {
  readonly x: Tensor;
  /** The weight as it was used: scaled where there is a batch norm, then fake-quantized. */
  readonly used: Tensor;
  /** That weight before it was fake-quantized. */
  readonly scaled: Tensor;
  /** gamma / sqrt(running_var + eps) by output channel, where there is a batch norm. */
  readonly factors: Float32Array | null;
  /** What goes into the batch norm. */
  readonly normInput: Tensor;
  /** What goes into the activation. */
  readonly linear: Tensor;
  readonly y: Tensor;
}

export interface FakeQuantizedOptions {
  readonly activation?: FusedActivation;
  readonly batchNorm?: nn.BatchNorm | null;
  /** As it prints, without the prefix; the layer's own name when left out. */
  readonly name?: string;
}

/**
 * A layer that is trained with the errors of its quantization (PyTorch, torch/ao/nn/qat, torch/ao/nn/intrinsic/qat):
 * its weight is quantized and dequantized in every forward, and its output by the observer that `prepareQat` attaches.
 * A batch norm behind it is kept: the weight is scaled by s = gamma / sqrt(running_var + eps) before it is
 * fake-quantized, as it will be once folded, and what comes out is divided by s, so that the batch norm sees the
 * layer's own result.
 */
export abstract class FakeQuantized<M extends nn.Linear | nn.ConvNd = nn.Linear | nn.ConvNd> extends Module<
  (x: Tensor) => Tensor
> {
  weight: Tensor;
  bias: Tensor | null;
  bn: nn.BatchNorm | null;
  readonly activation: FusedActivation;
  /** Rounds the weight; its scales are those of the converted module. */
  readonly weightFakeQuant: FakeQuantize;
  /** Sizes and geometry; hidden, for its weight is not the one that is trained. */
  declare readonly layer: M;
  private readonly name: string;
  declare private saved: Saved | null;

  constructor(layer: M, qconfig: QConfig, options: FakeQuantizedOptions = {}) {
    super();
    this.weight = layer.weight;
    this.bias = layer.bias;
    this.bn = options.batchNorm ?? null;
    this.activation = options.activation ?? 'none';
    this.name = options.name ?? layer.typeName;
    this.weightFakeQuant = qconfig.weight() as FakeQuantize;
    const hidden = { enumerable: false, writable: true, configurable: true };
    Object.defineProperties(this, { layer: { ...hidden, value: layer }, saved: { ...hidden, value: null } });
  }

  /** The layer on x with this weight and bias, float32. */
  protected abstract compute(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor<'float32'>;

  /** The gradients of `compute` with respect to x and the weight. */
  protected abstract gradientsOf(x: Tensor, weight: Tensor, gradient: Tensor): LayerGradients;

  /** Where the channels of an output are. */
  protected abstract layoutOf(y: Tensor): ChannelLayout;

  forward(x: Tensor): Tensor {
    const factors = this.bn === null ? null : factorsOf(this.bn);
    const scaled = factors === null ? this.weight : this.scaledWeight(this.weight, factors);
    const used = this.weightFakeQuant.observe(scaled);
    const { bn } = this;
    const normInput = factors === null ? this.compute(x, used, this.bias) : this.unscaled(x, used, factors);
    const linear = bn === null ? normInput : bn.call(normInput);
    const y = ACTIVATIONS[this.activation].run(linear);
    this.saved = this.training ? { x, used, scaled, factors, normInput, linear, y } : null;
    return y;
  }

  /**
   * The gradients of a loss with respect to the input and the parameters, from the one with respect to the output of
   * the last forward, which must have been in training mode: `gradient` float32 of that output's dims. Rounding counts
   * as the identity (the straight-through estimator) and clamped values get 0, at the output and at the weight; the
   * factor s of a batch norm counts as a constant. The training loop is the caller's:
   * `fc1.backward(fc2.backward(dLoss).input)`.
   */
  backward(gradient: Tensor): Gradients {
    const { saved } = this;
    if (saved === null) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.typeName}] backward needs a forward in training mode before it: call model.train(), then the model`,
      );
    }
    if (gradient.type !== 'float32' || gradient.raw.dims.join() !== saved.y.raw.dims.join()) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${this.typeName}] expected a float32 gradient [${saved.y.raw.dims.join(', ')}] as the output is, got ` +
          `${gradient.type} [${gradient.raw.dims.join(', ')}]`,
      );
    }
    const observer = observationOf(this)?.observer;
    const rounded = observer instanceof FakeQuantize ? F.mul(gradient, observer.gradient(saved.y)) : gradient;
    const dLinear = F.mul(rounded, ACTIVATIONS[this.activation].slope(saved.linear));
    const norm =
      this.bn === null ? null : batchNormGradients(this.bn, saved.normInput, dLinear, this.layoutOf(dLinear));
    const dNormInput = norm === null ? dLinear : norm.input;
    const layout = this.layoutOf(dNormInput);
    const { factors } = saved;
    const dOut = factors === null ? dNormInput : mapByChannel(dNormInput, layout, (g, c) => g / (factors[c] as number));
    const { input, weight } = this.gradientsOf(saved.x, saved.used, dOut);
    const through = F.mul(weight, this.weightFakeQuant.gradient(saved.scaled));
    return {
      input,
      weight: factors === null ? through : this.scaledWeight(through, factors),
      bias: this.bias === null ? null : parameterOf(sumByChannel(dNormInput, layout)),
      batchNorm: norm === null ? null : { weight: norm.weight, bias: norm.bias },
    };
  }

  /** The layer with the trained weight and bias, for conversion. */
  trainedLayer(): M {
    const layer = cloneModule<nn.Linear | nn.ConvNd>(this.layer);
    layer.weight = this.weight;
    layer.bias = this.bias;
    return layer as M;
  }

  /** A weight [out, ...] times a factor of each output channel. */
  private scaledWeight(weight: Tensor, factors: Float32Array): Tensor<'float32'> {
    const run = weight.raw.data.length / factors.length;
    return mapByChannel(weight, { channels: factors.length, inner: run }, (w, c) => w * (factors[c] as number));
  }

  /** The layer's own result from its scaled weight: what comes out divided by the factors, plus the bias. */
  private unscaled(x: Tensor, weight: Tensor, factors: Float32Array): Tensor<'float32'> {
    const y = this.compute(x, weight, null);
    const biases = this.bias?.raw.data as Float32Array | undefined;
    return mapByChannel(y, this.layoutOf(y), (value, c) => value / (factors[c] as number) + (biases?.[c] ?? 0));
  }

  override get typeName(): string {
    return `FakeQuantized${this.name}`;
  }

  override extraRepr(): string {
    return this.layer.extraRepr();
  }
}

function factorsOf({ weight, running_var: variance, eps }: nn.BatchNorm): Float32Array {
  const gammas = weight?.raw.data as Float32Array | undefined;
  return (variance.raw.data as Float32Array).map((v, c) => (gammas?.[c] ?? 1) / Math.sqrt(v + eps));
}

/** Activations, and their derivatives at x. */
const ACTIVATIONS: Readonly<Record<FusedActivation, { run(x: Tensor): Tensor; slope(x: Tensor): Tensor<'float32'> }>> =
  {
    none: { run: (x) => x, slope: (x) => oneWhere(x, () => true) },
    relu: { run: F.relu, slope: (x) => oneWhere(x, (value) => value > 0) },
    relu6: { run: F.relu6, slope: (x) => oneWhere(x, (value) => value > 0 && value < 6) },
  };

function oneWhere(x: Tensor, holds: (value: number) => boolean): Tensor<'float32'> {
  return new Tensor(
    'float32',
    (x.raw.data as Float32Array).map((value) => Number(holds(value))),
    x.raw.dims,
  );
}

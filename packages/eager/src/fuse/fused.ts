import { type Module, nn } from '@octavo/core';

/** What a fused module clamps its result by; a relu is part of its requantization. */
export type FusedActivation = 'none' | 'relu' | 'relu6';

/** What a fused module is made of, apart from its children. */
export interface FusedKind {
  /** What it prints as: PyTorch's name where it has one, `ConvReLU2d`; ours otherwise, `Conv2dReLU6`. */
  readonly name: string;
  readonly activation: FusedActivation;
}

/**
 * Modules that are quantized as one: `fuseModules` puts it where the first of them was. In float it runs them in turn,
 * and an observer sees what the last one gives. Children are named '0', '1', ... as in `torch.ao.nn.intrinsic`.
 */
export abstract class Fused<M extends Module = Module> extends nn.Sequential {
  readonly activation: FusedActivation;
  private readonly name: string;

  constructor({ name, activation }: FusedKind, modules: readonly [M, ...Module[]]) {
    super(...modules);
    this.name = name;
    this.activation = activation;
  }

  /** The convolution, linear or batch norm that it begins with. */
  get first(): M {
    return this.at(0) as M;
  }

  /** The batch norm behind the first module, where training keeps one. */
  get batchNorm(): nn.BatchNorm | null {
    const second = this.at(1);
    return second !== undefined && 'running_mean' in second ? (second as nn.BatchNorm) : null;
  }

  get kind(): FusedKind {
    return { name: this.name, activation: this.activation };
  }

  override get typeName(): string {
    return this.name;
  }
}

/** A convolution, plain or transposed, with what follows it. */
export class FusedConv extends Fused<nn.ConvNd> {}

/** A linear with what follows it. */
export class FusedLinear extends Fused<nn.Linear> {}

/** A batch norm and a relu. */
export class FusedBatchNorm extends Fused<nn.BatchNorm> {}

import { type Module, nn } from '@octavo/core';
import { isExactly, type ModuleClass } from '../convert/module-class.js';
import type { FusedActivation } from './fused.js';

/** Kinds of modules that fuse. */
export type Part = 'conv' | 'convTranspose' | 'linear' | 'bn' | 'relu' | 'relu6';

interface PartOf {
  readonly module: ModuleClass;
  readonly part: Part;
  /** Spatial axes that neighbours must share; null where any do. A linear's batch norm is the one of rank 1. */
  readonly rank: number | null;
}

const PARTS: readonly PartOf[] = [
  { module: nn.Conv1d, part: 'conv', rank: 1 },
  { module: nn.Conv2d, part: 'conv', rank: 2 },
  { module: nn.Conv3d, part: 'conv', rank: 3 },
  { module: nn.ConvTranspose1d, part: 'convTranspose', rank: 1 },
  { module: nn.ConvTranspose2d, part: 'convTranspose', rank: 2 },
  { module: nn.ConvTranspose3d, part: 'convTranspose', rank: 3 },
  { module: nn.Linear, part: 'linear', rank: 1 },
  { module: nn.BatchNorm1d, part: 'bn', rank: 1 },
  { module: nn.BatchNorm2d, part: 'bn', rank: 2 },
  { module: nn.BatchNorm3d, part: 'bn', rank: 3 },
  { module: nn.ReLU, part: 'relu', rank: null },
  { module: nn.ReLU6, part: 'relu6', rank: null },
];

/** A sequence of parts that becomes one module. */
export interface Pattern {
  readonly parts: readonly Part[];
  /** What the fused module prints as, without its rank; '' where a folded batch norm leaves the first module alone. */
  readonly name: string;
  /** The name with the batch norm kept, for training. */
  readonly trainingName?: string;
  readonly activation: FusedActivation;
}

/** The sequences that fuse, longer ones first: where one is added. `#` stands for the number of spatial axes. */
export const PATTERNS: readonly Pattern[] = [
  { parts: ['conv', 'bn', 'relu'], name: 'ConvReLU#d', trainingName: 'ConvBnReLU#d', activation: 'relu' },
  { parts: ['conv', 'bn', 'relu6'], name: 'Conv#dReLU6', trainingName: 'ConvBn#dReLU6', activation: 'relu6' },
  { parts: ['linear', 'bn', 'relu'], name: 'LinearReLU', trainingName: 'LinearBn1dReLU', activation: 'relu' },
  { parts: ['linear', 'bn', 'relu6'], name: 'LinearReLU6', trainingName: 'LinearBn1dReLU6', activation: 'relu6' },
  { parts: ['conv', 'bn'], name: '', trainingName: 'ConvBn#d', activation: 'none' },
  { parts: ['conv', 'relu'], name: 'ConvReLU#d', activation: 'relu' },
  { parts: ['conv', 'relu6'], name: 'Conv#dReLU6', activation: 'relu6' },
  { parts: ['linear', 'bn'], name: '', trainingName: 'LinearBn1d', activation: 'none' },
  { parts: ['linear', 'relu'], name: 'LinearReLU', activation: 'relu' },
  { parts: ['linear', 'relu6'], name: 'LinearReLU6', activation: 'relu6' },
  { parts: ['bn', 'relu'], name: 'BNReLU#d', activation: 'relu' },
  { parts: ['convTranspose', 'bn'], name: '', activation: 'none' },
];

/** The pattern that modules follow exactly, ranks included; undefined where there is none. */
export function patternOf(modules: readonly Module[]): Pattern | undefined {
  const parts = modules.map((module) => PARTS.find((row) => isExactly(module, row.module)));
  const ranks = new Set(parts.map((row) => row?.rank).filter((rank) => typeof rank === 'number'));
  if (ranks.size > 1) return undefined;
  return PATTERNS.find((pattern) => pattern.parts.join() === parts.map((row) => row?.part).join());
}

/** The longest pattern that modules begin with. */
export function patternAtStart(modules: readonly Module[]): Pattern | undefined {
  const longest = Math.max(...PATTERNS.map(({ parts }) => parts.length));
  for (let count = Math.min(longest, modules.length); count > 1; count--) {
    const pattern = patternOf(modules.slice(0, count));
    if (pattern !== undefined) return pattern;
  }
  return undefined;
}

/** `conv-bn-relu, conv-relu, ...`: for messages. */
export function knownPatterns(): string {
  return PATTERNS.map(({ parts }) => parts.join('-')).join(', ');
}

/** The spatial axes of the first module of a pattern. */
export function rankOf(first: Module): number {
  return PARTS.find((row) => isExactly(first, row.module))?.rank ?? 0;
}

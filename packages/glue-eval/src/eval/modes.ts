import type { nn, Tensor } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { DYNAMIC_MODES } from './dynamic-modes.js';
import type { ModeName, SchemeName } from './evaluation.js';
import type { Runner } from './runner.js';
import { STATIC_MODES } from './static-modes.js';

/** What a form of a model is made with. */
export interface ModeContext {
  /** Null for the float mode alone. */
  readonly qconfig: QConfig | null;
  /** Small inputs, by name in the order of `forward`, to find out what the model does. */
  readonly exampleInputs: Readonly<Record<string, Tensor>>;
  /** The inputs that ranges are found with, batch after batch; null where the scheme calibrates nothing. */
  readonly calibration: AsyncIterable<readonly Tensor[]> | null;
}

/** One way to run a float model: a row of the mode table. */
export interface Mode {
  /** Whether the mode takes a qconfig, and so gives a row for each. */
  readonly quantized: boolean;
  /** The model may be changed: each call gets its own. */
  open(model: nn.Module, context: ModeContext): Promise<Runner>;
  /** What `Runner.save` wrote, for modes whose saved form is evaluated as well. */
  load?(file: string): Promise<Runner>;
}

/** Modes by name, in the order of the result. */
export type ModeTable = Readonly<Partial<Record<ModeName, Mode>>>;

/** All modes of each scheme. */
export const MODES: Readonly<Record<SchemeName, ModeTable>> = { dynamic: DYNAMIC_MODES, static: STATIC_MODES };

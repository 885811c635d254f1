import type { nn, Tensor } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { DYNAMIC_MODES } from './dynamic-modes.js';
import type { ModeName, SchemeName } from './evaluation.js';
import type { Runner } from './runner.js';
import { STATIC_MODES } from './static-modes.js';

/** What the static scheme finds its ranges with. */
export interface CalibrationRun {
  /** Inputs to find out with which modules run after each other: small ones. */
  readonly fusionInputs: readonly Tensor[];
  /** Runs a prepared model on the calibration's examples. */
  run(prepared: nn.Module): Promise<void>;
}

/** What quantizing needs besides the model. */
export interface ModeContext {
  /** Null for the float mode alone. */
  readonly qconfig: QConfig | null;
  /** Null where the scheme calibrates nothing. */
  readonly calibration: CalibrationRun | null;
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

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe } from 'vitest';

/** What lies beside the repository on development machines, and nowhere else. */
export const SHARED = resolve(import.meta.dirname, '../../../../../shared');
export const MRPC_SMALL = join(SHARED, 'models/mrpc-small');
export const MRPC_DATA = join(SHARED, 'data/glue/MRPC');

/** `describe` where the shared folder is; else a skipped block whose name says so. */
export const describeWithShared: typeof describe | typeof describe.skip = existsSync(MRPC_SMALL)
  ? describe
  : describe.skip;

import { library } from '../../tsup.base.js';

// src/cli.ts is a program and not for import: ESM only, see the `build` script.
export default library({ index: 'src/index.ts' });

import { library } from '../../tsup.base.js';

// Shims: the loader finds the package root, and the addon in it, from its own file in both formats.
export default library({ index: 'src/index.ts' }, { shims: true });

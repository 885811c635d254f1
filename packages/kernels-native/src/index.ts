import { BACKEND_ABI, OP_TABLE_HASH, registerBackend } from '@octavo/core';
import { createNativeBackend } from './backend.js';

export { createNativeBackend, type NativeBackend, type NativeBackendOptions, supportedIsas } from './backend.js';

// Importing this package is enough: core makes the backend when the first op or program runs.
registerBackend({ abi: BACKEND_ABI, opTableHash: OP_TABLE_HASH, create: () => createNativeBackend() });

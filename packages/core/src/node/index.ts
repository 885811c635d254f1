// The public names of @octavo/core/node: files. They need Node's fs and crypto; the main entry needs nothing.

export type { SafetensorsContent } from '../io/safetensors.js';
export {
  type FileFormat,
  QUANTIZED_FILE_FORMAT,
  type QuantizedFileContent,
  quantizedFileSize,
  readQuantizedFile,
  writeQuantizedFile,
} from './quantized-file.js';
export { readSafetensors, writeSafetensors } from './safetensors-file.js';
export { widenFloat16 } from './widen-float16.js';

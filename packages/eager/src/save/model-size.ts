import type { Module } from '@octavo/core';
import { quantizedFileSize } from '@octavo/core/node';
import { fileContentOf } from './save-quantized.js';

/** Bytes of the file that `saveQuantized` writes of a model, float or quantized; nothing is written. */
export function modelSize(model: Module): number {
  return quantizedFileSize(fileContentOf(model));
}

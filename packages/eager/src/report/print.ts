import type { Module } from '@octavo/core';

/** The model as PyTorch prints it, as a string. */
export function print(model: Module): string {
  return model.toString();
}

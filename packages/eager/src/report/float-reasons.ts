import type { Module } from '@octavo/core';

/** Why a module that could be int8 was left float, as the conversion said. */
const notes = new WeakMap<Module, string>();

/** @internal Remembers why a conversion left a module float. */
export function noteFloatReason(module: Module, reason: string): void {
  notes.set(module, reason);
}

/** @internal What `noteFloatReason` was told. */
export function notedFloatReason(module: Module): string | undefined {
  return notes.get(module);
}

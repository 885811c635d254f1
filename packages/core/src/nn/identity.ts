import { Module } from './module.js';

/** Gives back what it gets: what stands where a module was taken away. */
// biome-ignore lint/suspicious/noExplicitAny: whatever goes in comes out.
export class Identity extends Module<(x: any) => any> {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  forward(x: any): any {
    return x;
  }
}

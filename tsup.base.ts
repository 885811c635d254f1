import type { Options } from 'tsup';

/**
 * The build of one published package. `tsup` makes ESM and CommonJS and looks at no other package;
 * `tsup --dts-only` makes the declarations, which takes most of the time and only publishing needs.
 */
export const library = (entry: Record<string, string>, options: Options = {}): Options => ({
  entry,
  format: ['esm', 'cjs'],
  // Entries of one package share their chunks, in CommonJS too: a class must not exist once per entry.
  splitting: true,
  // Declarations are made against the built declarations of other packages, as a user's compiler sees them.
  dts: process.argv.includes('--dts-only') && { only: true, compilerOptions: { customConditions: [] } },
  removeNodeProtocol: false,
  sourcemap: true,
  clean: true,
  target: 'node20',
  silent: true,
  ...options,
});

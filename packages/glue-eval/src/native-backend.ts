/**
 * Imports the native kernels, which registers them with core. Where they are not installed or do not load, nothing is
 * lost but speed: core then runs on its TypeScript reference and says why in one warning.
 *
 * @returns the instruction sets that the kernels can use here, best last; none where there are no kernels
 */
export async function loadNativeBackend(): Promise<readonly string[]> {
  if (process.env.OCTAVO_BACKEND === 'reference') return [];
  try {
    const { supportedIsas } = await import('@octavo/kernels-native');
    return supportedIsas();
  } catch {
    // Core looks for the package itself at first use, and its warning holds the reason.
    return [];
  }
}

import { open } from 'node:fs/promises';
import { type nn, OctavoError } from '@octavo/core';
import { readSafetensors, widenFloat16 } from '@octavo/core/node';
import { readPth } from './pth.js';

/** How a zip archive begins, and how a pickle of protocol 2 does: the form of torch.save before PyTorch 1.6. */
const ZIP = 'PK\u0003\u0004';
const LEGACY_PICKLE = '\u0080\u0002';

/**
 * The tensors of a file of weights, by name: safetensors, or a `.pth` state dict of PyTorch; which one is told from
 * its first bytes. float16 is widened to float32.
 *
 * @throws OctavoError FILE_NOT_FOUND for a missing file, INVALID_FILE for a damaged one or one of another format.
 */
export async function readWeights(file: string): Promise<nn.StateDict> {
  const start = await firstBytes(file);
  if (start.startsWith(ZIP)) return readPth(file);
  if (start.startsWith(LEGACY_PICKLE)) {
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: this is a .pth file of PyTorch before 1.6, which is not read; load it there and torch.save it again`,
    );
  }
  return widenFloat16((await readSafetensors(file)).tensors);
}

async function firstBytes(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const bytes = Buffer.alloc(4);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // readSafetensors has the words for files that are not there or not readable.
    return '';
  }
}

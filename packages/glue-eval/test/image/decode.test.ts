import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/image/decode.js';
import { temporaryFolder } from '../data/temporary-folder.js';
import { digest, EXPECTED } from './expected.js';

describe('decodeImage', () => {
  it.each(EXPECTED.decoded)('gives the bytes of Pillow for $name', async ({ name, base64, size, sha256 }) => {
    const folder = await temporaryFolder({ [name]: Buffer.from(base64, 'base64') });
    expect(digest(await decodeImage(join(folder, name)))).toEqual({ size, sha256 });
  });

  it('refuses a truncated file and one that is no image, naming the file', async () => {
    const whole = Buffer.from(EXPECTED.decoded[0]?.base64 as string, 'base64');
    const folder = await temporaryFolder({
      'short.jpg': whole.subarray(0, whole.length - 200),
      'text.jpg': 'no image at all',
      'empty.jpg': '',
    });
    for (const name of ['short.jpg', 'text.jpg', 'empty.jpg']) {
      await expect(decodeImage(join(folder, name))).rejects.toMatchObject({
        code: 'INVALID_FILE',
        message: expect.stringMatching(
          new RegExp(`${name}: expected an image, got one that cannot be decoded \\(.+\\)`),
        ),
      });
    }
  });

  it('refuses a missing file', async () => {
    await expect(decodeImage(join(await temporaryFolder(), 'none.jpg'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('none.jpg: there is no such file'),
    });
  });
});

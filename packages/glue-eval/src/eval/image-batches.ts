import { decodeImage } from '../image/decode.js';
import { normalise } from '../image/normalise.js';
import { type Preprocess, preprocess } from '../image/preprocess.js';
import type { Batch } from './workload.js';

/** Pixels that are kept between passes over the data, in bytes: 1,700 images of 224 x 224. */
const CACHE_BYTES = 256e6;

/**
 * Image files as batches of model inputs, in their order. Each pass over the data makes them anew, from 8-bit pixels
 * that are kept as far as CACHE_BYTES go: a float batch is the only one at its time.
 */
export class ImageBatches implements AsyncIterable<Batch> {
  private readonly cache = new Map<string, Uint8Array>();

  constructor(
    private readonly files: readonly string[],
    private readonly size: number,
    private readonly how: Preprocess,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (let start = 0; start < this.files.length; start += this.size) {
      const files = this.files.slice(start, start + this.size);
      const images = await Promise.all(files.map((file) => this.pixels(file)));
      yield { inputs: [normalise(images, this.how)], size: images.length };
    }
  }

  private async pixels(file: string): Promise<Uint8Array> {
    const kept = this.cache.get(file);
    if (kept !== undefined) return kept;
    const { data } = preprocess(await decodeImage(file), this.how);
    if ((this.cache.size + 1) * data.length <= CACHE_BYTES) this.cache.set(file, data);
    return data;
  }
}

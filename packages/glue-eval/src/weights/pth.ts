import { buffer } from 'node:stream/consumers';
import { type nn, OctavoError, type TypedArray } from '@octavo/core';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { parseStateDict } from './state-dict-pickle.js';
import type { StorageReference } from './strided-tensor.js';

/** Names, sizes and offsets; a ResNet-152 needs 100 kB. */
const MAX_PICKLE_BYTES = 64e6;

/**
 * The tensors of a `.pth` file that `torch.save(model.state_dict(), file)` wrote (PyTorch 1.6 or later): a zip archive
 * with a pickle and the storages' bytes. Nothing that the pickle asks for is executed. float16, bfloat16 and float64
 * become float32; views are copied, so that every tensor has memory of its own.
 *
 * @throws OctavoError INVALID_FILE for a file that is damaged, of another form, or names what it may not.
 */
export async function readPth(file: string): Promise<nn.StateDict> {
  try {
    return await readArchive(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('INVALID_FILE', `${file}: ${why}`, { cause, details: { file } });
  }
}

async function readArchive(file: string): Promise<nn.StateDict> {
  const zip = await openPromise(file, { lazyEntries: true, autoClose: false });
  try {
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
    // The archive's one folder is called as the file was when it was saved.
    const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickles.length !== 1) {
      throw new OctavoError(
        'INVALID_FILE',
        'expected a file of torch.save (a zip archive with one folder that holds data.pkl), got another zip archive',
      );
    }
    const archive = new Archive(zip, entries, (pickles[0] as string).replace(/data\.pkl$/, ''));
    await archive.checkByteOrder();
    const state: nn.StateDict = {};
    const storages = new Map<string, TypedArray>();
    for (const [name, tensor] of parseStateDict(await archive.read('data.pkl', MAX_PICKLE_BYTES))) {
      const { key, type } = tensor.storage;
      const cacheKey = `${key} ${type.name}`;
      const elements = storages.get(cacheKey) ?? (await archive.storage(tensor.storage));
      storages.set(cacheKey, elements);
      state[name] = tensor.materialise(elements);
    }
    return state;
  } finally {
    zip.close();
  }
}

class Archive {
  constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly folder: string,
  ) {}

  /** An absent entry means little-endian: older versions of PyTorch wrote none. */
  async checkByteOrder(): Promise<void> {
    if (!this.entries.has(`${this.folder}byteorder`)) return;
    const order = (await this.read('byteorder', 16)).toString('utf8');
    if (order !== 'little')
      throw new OctavoError('INVALID_FILE', `its byte order is '${order}'; only 'little' is read`);
  }

  async storage({ type, key, elements }: StorageReference): Promise<TypedArray> {
    const expected = elements * type.bytesPerElement;
    const bytes = await this.read(`data/${key}`, expected);
    if (bytes.length !== expected) {
      throw new OctavoError('INVALID_FILE', `its storage ${key} has ${bytes.length} bytes; expected ${expected}`);
    }
    // A copy begins where every element type may begin, and lies in a buffer of its own.
    return type.decode(Uint8Array.from(bytes));
  }

  /** The bytes of an entry. torch.save compresses none, and what is stored cannot be larger than the file. */
  async read(name: string, limit: number): Promise<Buffer> {
    const entry = this.entries.get(this.folder + name);
    if (entry === undefined) throw new OctavoError('INVALID_FILE', `its entry ${name} is missing; copy the file again`);
    if (entry.compressionMethod !== 0) {
      throw new OctavoError('INVALID_FILE', `its entry ${name} is compressed, which torch.save never does`);
    }
    if (entry.uncompressedSize > limit) {
      throw new OctavoError(
        'INVALID_FILE',
        `its entry ${name} has ${entry.uncompressedSize} bytes; expected at most ${limit}`,
      );
    }
    return buffer(await this.zip.openReadStreamPromise(entry));
  }
}

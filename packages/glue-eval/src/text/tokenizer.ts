import { Tokenizer } from '@huggingface/tokenizers';
import { OctavoError } from '@octavo/core';
import { countSpecial, type PairTemplate, readPairTemplate, type TemplatePiece } from './pair-template.js';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.js';
import { longestFirst } from './truncate.js';

/** One text or pair as token ids, special tokens included, not padded. Both arrays have the same length. */
export interface Encoding {
  inputIds: number[];
  /** 0 or 1 for each token: which of the two sequences it belongs to (BERT's segment ids). */
  tokenTypeIds: number[];
}

/** Encodings padded to the longest of them: row-major [batch, length]. */
export interface Batch {
  inputIds: BigInt64Array;
  /** 1 where a token is, 0 where padding is. */
  attentionMask: BigInt64Array;
  tokenTypeIds: BigInt64Array;
  batch: number;
  length: number;
}

/**
 * Turns texts and pairs of texts into a model's input ids, as Hugging Face's fast tokenizers do with
 * `truncation='longest_first'` and `padding='longest'`. What is special about a model comes from its files.
 */
export class PairTokenizer {
  readonly #splitter: Tokenizer;
  readonly #template: PairTemplate;
  readonly #padding: Padding;

  private constructor(splitter: Tokenizer, template: PairTemplate, padding: Padding) {
    this.#splitter = splitter;
    this.#template = template;
    this.#padding = padding;
  }

  /**
   * Loads a Hugging Face folder's `tokenizer.json` (and `tokenizer_config.json`, where there is one).
   *
   * @throws OctavoError FILE_NOT_FOUND when there is no tokenizer.json; INVALID_FILE when it is broken, or asks for
   *   something not built: other post-processors than `readPairTemplate` knows, padding or truncation on the left.
   */
  static async fromFolder(dir: string): Promise<PairTokenizer> {
    const files = await readTokenizerFiles(dir);
    refuseLeftSide(files);
    const template = readPairTemplate(files.tokenizer.post_processor, files.file);
    const splitter = createSplitter(files);
    return new PairTokenizer(splitter, template, readPadding(files, splitter));
  }

  /**
   * Encodes one text (`b` null) or a pair. An empty string as `b` is a pair all the same: it has its separator.
   *
   * @param maxLength largest number of tokens, special tokens included; what is longer is truncated longest first
   * @throws OctavoError INVALID_ARGUMENT when `maxLength` is no integer or cannot hold the special tokens.
   */
  encode(a: string, b: string | null, maxLength: number): Encoding {
    const pieces = b === null ? this.#template.single : this.#template.pair;
    const room = roomForText(maxLength, countSpecial(pieces));
    const first = this.#split(a);
    const second = b === null ? [] : this.#split(b);
    const [keepFirst, keepSecond] = b === null ? [room, 0] : longestFirst(first.length, second.length, room);
    return fillTemplate(pieces, first.slice(0, keepFirst), second.slice(0, keepSecond));
  }

  /**
   * Encodes texts and pairs and pads them, on the right, to the longest of them. No pairs give an empty batch.
   *
   * @param pairs [text, text] or [text, null], each encoded as by `encode`
   * @throws OctavoError INVALID_ARGUMENT as `encode`, and when padding is needed but the files name no padding token.
   */
  encodeBatch(pairs: readonly (readonly [string, string | null])[], maxLength: number): Batch {
    const encodings = pairs.map(([a, b]) => this.encode(a, b, maxLength));
    const batch = encodings.length;
    const length = encodings.reduce((longest, encoding) => Math.max(longest, encoding.inputIds.length), 0);
    const inputIds = new BigInt64Array(batch * length);
    const attentionMask = new BigInt64Array(batch * length);
    const tokenTypeIds = new BigInt64Array(batch * length);
    encodings.forEach((encoding, row) => {
      const start = row * length;
      encoding.inputIds.forEach((id, column) => {
        inputIds[start + column] = BigInt(id);
        attentionMask[start + column] = 1n;
        tokenTypeIds[start + column] = BigInt(encoding.tokenTypeIds[column] as number);
      });
      const [from, to] = [start + encoding.inputIds.length, start + length];
      if (from === to) return;
      inputIds.fill(this.#padId(), from, to);
      tokenTypeIds.fill(BigInt(this.#padding.typeId), from, to);
    });
    return { inputIds, attentionMask, tokenTypeIds, batch, length };
  }

  /** Token ids of a text, without special tokens. */
  #split(text: string): number[] {
    return this.#splitter.encode(text, { add_special_tokens: false }).ids;
  }

  #padId(): bigint {
    if (this.#padding.id !== undefined) return BigInt(this.#padding.id);
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `encodeBatch: ${this.#padding.file}: texts of different length need a padding token, and neither this file ('padding') nor tokenizer_config.json ('pad_token') names one; name one there, or encode texts one by one`,
      { details: { file: this.#padding.file } },
    );
  }
}

interface Padding {
  /** Undefined where the files name no padding token. */
  id: number | undefined;
  typeId: number;
  file: string;
}

function createSplitter({ file, tokenizer, config }: TokenizerFiles): Tokenizer {
  try {
    // The template places special tokens, after truncation, so the library is not to.
    return new Tokenizer({ ...tokenizer, post_processor: null }, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: expected a tokenizer of Hugging Face's format, got one that cannot be built (${reason}); save it again with Hugging Face's fast tokenizer`,
      { details: { file }, cause },
    );
  }
}

function readPadding({ file, tokenizer, config }: TokenizerFiles, splitter: Tokenizer): Padding {
  const typeId = tokenizer.padding?.pad_type_id;
  const padding = { typeId: typeof typeId === 'number' ? typeId : 0, file };
  const token = typeof config.pad_token === 'object' ? config.pad_token?.content : config.pad_token;
  if (token === undefined) {
    const id = tokenizer.padding?.pad_id;
    return { ...padding, id: typeof id === 'number' ? id : undefined };
  }
  const id = splitter.token_to_id(token);
  if (id === undefined) {
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: expected the padding token '${token}' that tokenizer_config.json names, got a vocabulary without it; take both files from the same model`,
      { details: { file, token } },
    );
  }
  return { ...padding, id };
}

/** Padding and cutting on the left would give other ids than right, silently: refused until built. */
function refuseLeftSide({ file, config }: TokenizerFiles): void {
  for (const key of ['padding_side', 'truncation_side'] as const) {
    if (config[key] === undefined || config[key] === 'right') continue;
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: tokenizer_config.json beside it: ${key}: expected 'right', got '${config[key]}', which is not built; change it if the model was trained with 'right'`,
      { details: { file, key, value: config[key] } },
    );
  }
}

function roomForText(maxLength: number, special: number): number {
  if (Number.isSafeInteger(maxLength) && maxLength >= special) return maxLength - special;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `maxLength: expected an integer of at least ${special} (the number of special tokens), got ${maxLength}`,
    { details: { maxLength, special } },
  );
}

function fillTemplate(pieces: readonly TemplatePiece[], first: number[], second: number[]): Encoding {
  const encoding: Encoding = { inputIds: [], tokenTypeIds: [] };
  for (const piece of pieces) {
    const ids = 'specialIds' in piece ? piece.specialIds : piece.sequence === 'A' ? first : second;
    for (const id of ids) {
      encoding.inputIds.push(id);
      encoding.tokenTypeIds.push(piece.typeId);
    }
  }
  return encoding;
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OctavoError } from '@octavo/core';

/** What a Hugging Face folder says about its tokenizer. */
export interface TokenizerFiles {
  /** Path of tokenizer.json, for messages. */
  file: string;
  /** tokenizer.json, whole. */
  tokenizer: TokenizerJson;
  /** tokenizer_config.json; empty where the folder has none. */
  config: TokenizerConfigJson;
}

/** The parts of tokenizer.json that are read here; the splitting library reads the rest. */
export interface TokenizerJson {
  post_processor?: unknown;
  padding?: { pad_id?: unknown; pad_type_id?: unknown } | null;
}

/** The parts of tokenizer_config.json that are read here. */
export interface TokenizerConfigJson {
  pad_token?: string | { content: string } | null;
  padding_side?: string;
  truncation_side?: string;
}

/**
 * Reads `tokenizer.json` and, where it exists, `tokenizer_config.json` of a folder.
 *
 * @throws OctavoError FILE_NOT_FOUND when there is no tokenizer.json, INVALID_FILE when one of them is no JSON object.
 */
export async function readTokenizerFiles(dir: string): Promise<TokenizerFiles> {
  const file = join(dir, 'tokenizer.json');
  const tokenizer = await readJsonObject(file);
  if (tokenizer === undefined) {
    throw new OctavoError(
      'FILE_NOT_FOUND',
      `${file}: expected a tokenizer, got no such file; save one there with Hugging Face's fast tokenizer, or give a folder that has one`,
      { details: { file } },
    );
  }
  return { file, tokenizer, config: (await readJsonObject(join(dir, 'tokenizer_config.json'))) ?? {} };
}

/** The object in a JSON file, or undefined where there is no such file. */
async function readJsonObject(file: string): Promise<object | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    // ENOTDIR: `dir` is itself a file.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('INVALID_FILE', `${file}: expected JSON, got something else (${reason}); download it again`, {
      details: { file },
      cause,
    });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new OctavoError('INVALID_FILE', `${file}: expected a JSON object, got ${JSON.stringify(json).slice(0, 40)}`, {
      details: { file },
    });
  }
  return json;
}

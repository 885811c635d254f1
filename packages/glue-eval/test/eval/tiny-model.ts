import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Generator, nn, type Tensor } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { BertForSequenceClassification } from '../../src/models/bert.js';
import { readBertConfig } from '../../src/models/bert-config.js';

// A BERT small enough for the reference backend, with everything a real folder has.

const WORDS = 'the a cat dog sat ran on mat home fast slowly said it was is not big small red house . , " \'s';
const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...WORDS.split(' ')];

export const TINY_CONFIG = {
  architectures: ['BertForSequenceClassification'],
  model_type: 'bert',
  vocab_size: VOCABULARY.length,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  hidden_act: 'gelu',
  id2label: { 0: 'different', 1: 'same' },
};

/** Weights that are the same in every run, and large enough that logits differ between examples. */
export function tinyState(config: Record<string, unknown> = TINY_CONFIG): Record<string, Tensor> {
  const model = nn.skipInit(() => new BertForSequenceClassification(readBertConfig(config, 'config.json')));
  const random = new Generator(7);
  const state = model.stateDict();
  for (const [name, tensor] of Object.entries(state)) {
    const data = tensor.data as Float32Array;
    const isScale = name.endsWith('LayerNorm.weight');
    for (let i = 0; i < data.length; i++) data[i] = isScale ? 1 + random.normal() * 0.1 : random.normal() * 0.4;
  }
  return state;
}

export const TINY_PAIRS: readonly [label: number, first: string, second: string][] = [
  [1, 'The cat sat on the mat.', 'A cat sat on the mat.'],
  [0, 'The dog ran home fast.', 'It was not a big red house.'],
  [1, 'The dog said it was home.', 'It was home, the dog said.'],
  [0, 'A small house.', 'The cat ran slowly on the red mat, fast.'],
  [1, 'It is big.', 'It was big.'],
];

/** A folder with `model/` (config, weights, tokenizer) and `data/dev.tsv`. */
export interface TinyWorld {
  readonly dir: string;
  readonly model: string;
  readonly data: string;
  remove(): Promise<void>;
}

export async function makeTinyWorld(): Promise<TinyWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'octavo-tiny-'));
  const model = join(dir, 'model');
  const data = join(dir, 'data');
  await mkdir(model);
  await mkdir(data);
  await writeFile(join(model, 'config.json'), JSON.stringify(TINY_CONFIG));
  await writeSafetensors(join(model, 'model.safetensors'), tinyState());
  await writeFile(join(model, 'tokenizer.json'), JSON.stringify(tinyTokenizer()));
  await writeFile(join(model, 'tokenizer_config.json'), JSON.stringify({ pad_token: '[PAD]' }));
  await writeFile(join(data, 'dev.tsv'), tsv(TINY_PAIRS));
  return { dir, model, data, remove: () => rm(dir, { recursive: true, force: true }) };
}

export function tsv(pairs: readonly (readonly [number | string, string, string])[]): string {
  const rows = pairs.map(([label, first, second], i) => [label, i, i + 100, first, second].join('\t'));
  return `${['Quality\t#1 ID\t#2 ID\t#1 String\t#2 String', ...rows].join('\n')}\n`;
}

function tinyTokenizer(): object {
  const special = (content: string) => ({
    id: VOCABULARY.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const ids = (id: string) => ({ id, ids: [VOCABULARY.indexOf(id)], tokens: [id] });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map(special),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('[CLS]', 0), sequence('A', 0), token('[SEP]', 0)],
      pair: [token('[CLS]', 0), sequence('A', 0), token('[SEP]', 0), sequence('B', 1), token('[SEP]', 1)],
      special_tokens: { '[CLS]': ids('[CLS]'), '[SEP]': ids('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
    },
  };
}

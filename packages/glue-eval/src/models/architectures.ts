import { didYouMean, type nn, OctavoError } from '@octavo/core';
import { BertForSequenceClassification } from './bert.js';
import { readBertConfig } from './bert-config.js';

/** What every classifier's config tells the evaluation. */
export interface ClassifierConfig {
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  readonly labels: readonly string[];
}

/** A model that can be built from a Hugging Face folder: one row of the architecture table. */
export interface Architecture {
  /** `architectures[0]` in config.json. */
  readonly name: string;
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Names in checkpoints that are no parameters. */
  readonly ignoredNames: readonly string[];
  /** Validates the config and returns it with what builds the (empty) model. `file` is for messages. */
  configure(
    json: Readonly<Record<string, unknown>>,
    file: string,
  ): { readonly config: ClassifierConfig; build(): nn.Module };
}

/** All architectures. To add one: its modules and config in files beside this one, and a row here. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'BertForSequenceClassification',
    modelType: 'bert',
    // A buffer that holds 0, 1, 2, ...; older versions of transformers saved it.
    ignoredNames: ['bert.embeddings.position_ids'],
    configure(json, file) {
      const config = readBertConfig(json, file);
      return { config, build: () => new BertForSequenceClassification(config) };
    },
  },
];

/** The row that a config.json asks for, or one sentence that says what is supported. */
export function architectureOf(json: Readonly<Record<string, unknown>>, file: string): Architecture {
  const { architectures, model_type: modelType } = json;
  const name = Array.isArray(architectures) ? String(architectures[0]) : undefined;
  const found = ARCHITECTURES.find((row) => row.name === name && row.modelType === modelType);
  if (found !== undefined) return found;
  const known = ARCHITECTURES.map((row) => row.name);
  const supported = ARCHITECTURES.map((row) => `${row.name} (model_type ${row.modelType})`).join(', ');
  throw new OctavoError(
    'UNSUPPORTED',
    `${file}: architecture ${name === undefined ? 'unnamed' : `'${name}'`} with model_type '${String(modelType)}' is not ` +
      `supported${name === undefined ? ';' : didYouMean(name, known) || ';'} supported: ${supported}`,
    { details: { architecture: name, modelType } },
  );
}

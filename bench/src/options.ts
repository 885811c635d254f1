import { parseArgs } from 'node:util';

export interface Options {
  /** Where to write the rows as JSON. */
  readonly json: string | undefined;
  /** Whether a row of this name is wanted. */
  readonly wants: (name: string) => boolean;
  /** Print the names of all rows and stop. */
  readonly list: boolean;
  /** Print where the time of mrpc-small goes, op by op, instead of the rows. */
  readonly profile: boolean;
}

export const USAGE = `npm run bench -- [--only PATTERN] [--json FILE] [--list] [--profile]

  --only PATTERN  the rows whose names match a regular expression, in any case: 'linear', 'mrpc.*8x128', 'BERT-base'
  --json FILE     also write the rows as JSON
  --list          print the names of the rows
  --profile       print where the time of mrpc-small 8x128 goes, op by op

OCTAVO_ISA (scalar, avx2, avxvnni, avx512vnni, amx) caps our float and int8 kernels alike.`;

/** The options of a command line; throws an Error with one sentence for a wrong one. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      only: { type: 'string' },
      list: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  });
  const pattern = values.only === undefined ? null : patternOf(values.only);
  return { ...values, json: values.json, wants: (name) => pattern === null || pattern.test(name) };
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch (cause) {
    throw new Error(`--only: '${text}' is no regular expression`, { cause });
  }
}

import { OctavoError } from '@octavo/core';

/** One step of a template: fixed special tokens, or all tokens of the first (A) or second (B) sequence. */
export type TemplatePiece =
  | { readonly specialIds: readonly number[]; readonly typeId: number }
  | { readonly sequence: 'A' | 'B'; readonly typeId: number };

/** Where special tokens and sequences go, for one sequence and for two. */
export interface PairTemplate {
  readonly single: readonly TemplatePiece[];
  readonly pair: readonly TemplatePiece[];
}

/** Number of special tokens a template adds. */
export function countSpecial(pieces: readonly TemplatePiece[]): number {
  return pieces.reduce((sum, piece) => sum + ('specialIds' in piece ? piece.specialIds.length : 0), 0);
}

/**
 * Reads the `post_processor` of a tokenizer.json into a template. The four kinds that encoders use are known:
 * `TemplateProcessing`, `BertProcessing`, `RobertaProcessing`, none at all; and `Sequence` of one of these with
 * `ByteLevel`, which changes character offsets only.
 *
 * @param file path of the tokenizer.json, for messages
 * @throws OctavoError INVALID_FILE for another kind, or one that names tokens it does not define.
 */
export function readPairTemplate(postProcessor: unknown, file: string): PairTemplate {
  if (postProcessor === null || postProcessor === undefined) return plainTemplate();
  const json = postProcessor as PostProcessorJson;
  switch (json.type) {
    case 'TemplateProcessing':
      return {
        single: readPieces(json, 'single', file),
        pair: readPieces(json, 'pair', file),
      };
    case 'BertProcessing': {
      // [CLS] A [SEP] B [SEP]
      const [cls, sep] = [tokenId(json, 'cls', file), tokenId(json, 'sep', file)];
      const single = [special(cls, 0), sequence('A', 0), special(sep, 0)];
      return { single, pair: [...single, sequence('B', 1), special(sep, 1)] };
    }
    case 'RobertaProcessing': {
      // <s> A </s> </s> B </s>, all of type 0
      const [cls, sep] = [tokenId(json, 'cls', file), tokenId(json, 'sep', file)];
      const single = [special(cls, 0), sequence('A', 0), special(sep, 0)];
      return { single, pair: [...single, special(sep, 0), sequence('B', 0), special(sep, 0)] };
    }
    case 'ByteLevel':
      return plainTemplate();
    case 'Sequence': {
      const adding = (json.processors ?? []).filter((processor) => processor?.type !== 'ByteLevel');
      if (adding.length <= 1) return readPairTemplate(adding[0], file);
    }
  }
  throw new OctavoError(
    'INVALID_FILE',
    `${file}: post_processor: expected TemplateProcessing, BertProcessing, RobertaProcessing, or a Sequence of one of them with ByteLevel, got ${describe(json)}; save the tokenizer with one of these`,
    { details: { file, type: json.type } },
  );
}

interface PostProcessorJson {
  type?: string;
  single?: unknown;
  pair?: unknown;
  cls?: unknown;
  sep?: unknown;
  special_tokens?: Record<string, { ids?: unknown } | undefined>;
  processors?: (PostProcessorJson | null)[];
}

interface PieceJson {
  SpecialToken?: { id: string; type_id: number };
  Sequence?: { id: string; type_id: number };
}

const special = (id: number, typeId: number): TemplatePiece => ({ specialIds: [id], typeId });
const sequence = (name: 'A' | 'B', typeId: number): TemplatePiece => ({ sequence: name, typeId });
const plainTemplate = (): PairTemplate => ({
  single: [sequence('A', 0)],
  pair: [sequence('A', 0), sequence('B', 1)],
});

function readPieces(json: PostProcessorJson, key: 'single' | 'pair', file: string): TemplatePiece[] {
  const pieces = json[key];
  if (!Array.isArray(pieces)) throw malformed(file, key, 'a list of pieces', pieces);
  return pieces.map((piece: PieceJson, index): TemplatePiece => {
    const where = `${key}[${index}]`;
    if (piece.Sequence !== undefined) {
      const { id, type_id: typeId } = piece.Sequence;
      if ((id !== 'A' && id !== 'B') || (key === 'single' && id === 'B')) {
        throw malformed(file, where, key === 'single' ? 'sequence A' : 'sequence A or B', id);
      }
      return sequence(id, typeId);
    }
    if (piece.SpecialToken === undefined) throw malformed(file, where, 'SpecialToken or Sequence', piece);
    const { id, type_id: typeId } = piece.SpecialToken;
    const ids = json.special_tokens?.[id]?.ids;
    if (!Array.isArray(ids) || !ids.every(Number.isInteger)) {
      throw malformed(file, `special_tokens['${id}'].ids`, 'a list of token ids', ids);
    }
    return { specialIds: ids, typeId };
  });
}

/** The id in BertProcessing's and RobertaProcessing's `["[CLS]", 101]`. */
function tokenId(json: PostProcessorJson, key: 'cls' | 'sep', file: string): number {
  const entry = json[key];
  const id: unknown = Array.isArray(entry) ? entry[1] : undefined;
  if (!Number.isInteger(id)) throw malformed(file, key, 'a token and its id', entry);
  return id as number;
}

function malformed(file: string, where: string, expected: string, got: unknown): OctavoError {
  return new OctavoError(
    'INVALID_FILE',
    `${file}: post_processor.${where}: expected ${expected}, got ${JSON.stringify(got)}; save the tokenizer again`,
    { details: { file, where } },
  );
}

function describe(json: PostProcessorJson): string {
  return json.type === 'Sequence'
    ? `a Sequence of ${json.processors?.map((processor) => processor?.type).join(', ')}`
    : String(json.type);
}

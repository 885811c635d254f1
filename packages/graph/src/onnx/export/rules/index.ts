import type { ExportRule } from '../rule.js';
import { ATTENTION_RULES } from './attention.js';
import { ELEMENTWISE_RULES } from './elementwise.js';
import { NN_RULES } from './nn.js';
import { QUANTIZED_RULES } from './quantized.js';
import { RECURRENT_RULES } from './recurrent.js';
import { SHAPE_RULES } from './shape.js';
import { TABLE_RULES } from './tables.js';

/** How each op is written. To export another one, add its row to the table of its kind. */
export const EXPORT_RULES: Readonly<Record<string, ExportRule>> = {
  ...ATTENTION_RULES,
  ...ELEMENTWISE_RULES,
  ...NN_RULES,
  ...QUANTIZED_RULES,
  ...RECURRENT_RULES,
  ...SHAPE_RULES,
  ...TABLE_RULES,
};

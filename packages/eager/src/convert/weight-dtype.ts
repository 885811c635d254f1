import {
  float16DynamicQConfig,
  floatQParamsWeightOnlyQConfig,
  floatQParamsWeightOnlyQConfig4Bit,
  perRowDynamicQConfig,
  type QConfig,
} from '@octavo/observers';

/** What weights become: `quantizeDynamic`'s dtypes, with the qconfig that each stands for. */
export const DEFAULT_QCONFIGS = {
  qint8: perRowDynamicQConfig,
  float16: float16DynamicQConfig,
  quint8: floatQParamsWeightOnlyQConfig,
  quint4x2: floatQParamsWeightOnlyQConfig4Bit,
} as const satisfies Readonly<Record<string, QConfig>>;

export type WeightDType = keyof typeof DEFAULT_QCONFIGS;

export const WEIGHT_DTYPES = Object.keys(DEFAULT_QCONFIGS) as readonly WeightDType[];

/** What a qconfig makes of weights: the dtype of its weight observer. */
export function weightDTypeOf(qconfig: QConfig): WeightDType {
  return (qconfig.weight() as unknown as { dtype: WeightDType }).dtype;
}

import { formatDims, inverseScale, OctavoError, Q, quantizeWithFloatZeroPoint, Tensor } from '@octavo/core';
import { describeQConfig, type QConfig } from './qconfig.js';

/** Bits of a table's codes by the dtype that PyTorch names. */
const TABLE_BITS = { quint8: 8, quint4x2: 4 } as const;

export type TableDType = keyof typeof TABLE_BITS;

/** True for a qconfig of embedding tables: rows of quint8 or quint4x2 with float zero points. */
export function isTableQConfig(qconfig: QConfig): boolean {
  const { dtype, qscheme } = qconfig.weight() as unknown as { dtype: string; qscheme?: string };
  return Object.hasOwn(TABLE_BITS, dtype) && qscheme === 'per_channel_affine_float_qparams';
}

/** The dtype that a qconfig makes of tables; other qconfigs are refused. */
export function tableDType(qconfig: QConfig): TableDType {
  if (isTableQConfig(qconfig)) return (qconfig.weight() as unknown as { dtype: TableDType }).dtype;
  throw new OctavoError(
    'UNSUPPORTED',
    `${describeQConfig(qconfig)} is no qconfig for embeddings: their rows become quint8 or quint4x2 with float zero ` +
      'points; use floatQParamsWeightOnlyQConfig or floatQParamsWeightOnlyQConfig4Bit',
  );
}

/** Bits of the codes that a qconfig makes of tables. */
export function tableBits(qconfig: QConfig): 8 | 4 {
  return TABLE_BITS[tableDType(qconfig)];
}

/**
 * A table float32 [rows, width] packed by a qconfig's weight observer, which sees it as it is: uint8 [rows, bytes] in
 * PyTorch's layout (core's `Q.embeddingPackCodes`). Where eager and graph mode get their tables.
 */
export function packTable(weight: Tensor, qconfig: QConfig): Tensor<'uint8'> {
  const bits = tableBits(qconfig);
  const values = finiteValues(weight);
  const [rows, width] = weight.raw.dims as [number, number];
  const observer = qconfig.weight();
  observer.observe(weight);
  const { scales, zeroPoints, quantMin, quantMax } = observer.calculateQParams();
  const codes = new Uint8Array(values.length);
  for (let row = 0; row < rows; row++) {
    const inverse = inverseScale(scales[row] as number);
    const zeroPoint = zeroPoints[row] as number;
    for (let i = row * width; i < (row + 1) * width; i++) {
      codes[i] = quantizeWithFloatZeroPoint(values[i] as number, inverse, zeroPoint, quantMin, quantMax);
    }
  }
  const parts = {
    codes: new Tensor('uint8', codes, [rows, width]),
    scales: new Tensor('float32', scales),
    zeroPoints: new Tensor('float32', Float32Array.from(zeroPoints)),
  };
  return Q.embeddingPackCodes(parts, { bits });
}

function finiteValues(weight: Tensor): Float32Array {
  const { type, raw } = weight;
  if (type !== 'float32') {
    throw new OctavoError(
      'INVALID_DTYPE',
      `weight: expected float32, got ${type} ${formatDims(raw.dims)}; convert it with F.to(weight, 'float32')`,
    );
  }
  const data = raw.data as Float32Array;
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return data;
  throw new OctavoError(
    'INVALID_DATA',
    `weight: element ${at} is ${data[at]}; a weight must be finite to be quantized. Check the file it was loaded from, or ` +
      'keep this module float with null in the qconfig map',
  );
}

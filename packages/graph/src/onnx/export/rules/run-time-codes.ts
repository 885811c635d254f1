import type { Value } from '../../../ir/value.js';
import { type ModelWriter, ONNX_TYPES, type OnnxAttribute } from '../model-writer.js';
import type { ExportContext } from '../rule.js';

/** Below this a dynamic scale is too small: `chooseQParams` of core. */
const SMALL_SCALE = Math.fround(6.1e-5);
/** The largest code that a reduced range is chosen for. */
const REDUCED_MAX = 127;

/** What an activation's range gives at run time. */
export interface RunTimeCodes {
  readonly codes: string;
  readonly scale: string;
  /** uint8; int32 where there is one a row. */
  readonly zeroPoint: string;
}

/** Scale and zero point, both float32, that `chooseQParams` of core chooses for codes from 0 to `top`. */
function chosenRange(writer: ModelWriter, x: string, top: number, reduced: Record<string, OnnxAttribute>) {
  const end = (reduce: string, bound: string): string =>
    writer.op(bound, [writer.op(reduce, [x], reduced), writer.scalar(0)]);
  const low = end('ReduceMin', 'Min');
  const span = writer.op('Sub', [end('ReduceMax', 'Max'), low]);
  // Never 0: what it divides is 0 then, and so is every code.
  const exact = writer.op('Max', [writer.op('Div', [span, writer.scalar(top)]), writer.scalar(2 ** -126)]);
  return {
    scale: writer.op('Max', [exact, writer.scalar(SMALL_SCALE)]),
    zeroPoint: writer.op('Round', [writer.op('Div', [writer.op('Neg', [low]), exact])]),
  };
}

/**
 * Codes of one range a tensor, chosen at run time, once for all that read them (Q, K and V). A full range is ONNX's own
 * operator. A reduced one is spelled out with the range that `chooseQParams` chooses: (max - min) / 127.
 */
export function runTimeCodes(n: ExportContext, value: Value, reduced: boolean): RunTimeCodes {
  const { writer } = n;
  const x = n.name(value);
  const [codes, scale, zeroPoint] = n.once(`codes ${value.id} ${reduced}`, () => {
    if (!reduced) return writer.ops('DynamicQuantizeLinear', [x], 3);
    const range = chosenRange(writer, x, REDUCED_MAX, { keepdims: 0 });
    const zeroPoint = writer.op('Cast', [range.zeroPoint], { to: ONNX_TYPES.uint8 });
    return [writer.op('QuantizeLinear', [x, range.scale, zeroPoint]), range.scale, zeroPoint];
  }) as [string, string, string];
  return { codes, scale, zeroPoint };
}

/** Codes of one range a row, once for all that read them. The zero point is int32 [..., 1]. */
export function rowCodes(n: ExportContext, value: Value, reduced: boolean): RunTimeCodes {
  const [codes, scale, zeroPoint] = n.once(`row codes ${value.id} ${reduced}`, () => {
    const written = writeRowCodes(n.writer, n.name(value), reduced ? REDUCED_MAX : 255);
    return [written.codes, written.scale, written.zeroPoint];
  }) as [string, string, string];
  return { codes, scale, zeroPoint };
}

/** Codes of one range a row, which no operator of ONNX quantizes by: spelled out as rint(x / scale + zeroPoint). */
export function writeRowCodes(writer: ModelWriter, x: string, top: number): RunTimeCodes {
  const range = chosenRange(writer, x, top, { axes: [-1], keepdims: 1 });
  const shifted = writer.op('Add', [writer.op('Div', [x, range.scale]), range.zeroPoint]);
  const clamped = writer.op('Clip', [writer.op('Round', [shifted]), writer.scalar(0), writer.scalar(255)]);
  return {
    codes: writer.op('Cast', [clamped], { to: ONNX_TYPES.uint8 }),
    scale: range.scale,
    zeroPoint: writer.op('Cast', [range.zeroPoint], { to: ONNX_TYPES.int32 }),
  };
}

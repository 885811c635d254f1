import { cloneModule, didYouMean, isModule, type Module, OctavoError } from '@octavo/core';
import { describeQConfig, type QConfig, type QConfigResolution, resolveQConfig, warnOnce } from '@octavo/observers';
import { noteFloatReason } from '../report/float-reasons.js';
import { bringsQConfigs, type DynamicSpec, expandSpec } from './dynamic-spec.js';
import { putModules, swapAt } from './swap-module.js';
import { DYNAMIC_SWAPS, supportedTypes, swapFor, swapThatMade } from './swap-table.js';
import { DEFAULT_QCONFIGS, WEIGHT_DTYPES, type WeightDType, weightDTypeOf } from './weight-dtype.js';

export interface QuantizeDynamicOptions {
  /** Changes the model that was given instead of a copy of it. */
  inplace?: boolean;
  /**
   * What weights become, for specs that list types and names, or no spec at all: 'qint8' (the default) and 'float16' of
   * linears and recurrent modules, 'quint8' and 'quint4x2' of embeddings.
   */
  dtype?: WeightDType;
  /** In place of the dtype's own: `perRowDynamicQConfig` for qint8. */
  qconfig?: QConfig;
}

/**
 * A model whose linears have int8 weights and quantize their inputs at run time (PyTorch's `quantize_dynamic`), or, by
 * `dtype`, whose weights or tables are stored narrow: no calibration data is needed. The float model stays as it is,
 * unless `inplace`; what is not swapped is shared.
 *
 * `spec` says what to quantize; all that the dtype has a form of where it is left out. A name covers its module and all
 * below it, the deepest name decides, and null keeps float: `{ '': perRowDynamicQConfig, 'encoder.0': null }`.
 */
export function quantizeDynamic<M extends Module>(
  model: M,
  spec?: DynamicSpec | null,
  options: QuantizeDynamicOptions = {},
): M {
  checkArguments(model, spec, options);
  const dict = expandSpec(model, spec, options.qconfig ?? DEFAULT_QCONFIGS[options.dtype ?? 'qint8']);
  const target = options.inplace === true ? model : cloneModule(model);
  const modules = [...target.namedModules()];
  const qconfigs = resolveQConfig(
    dict,
    modules.map(([path]) => path),
  );
  // All swaps are made before the first is put in place: an error leaves a model that was given `inplace` whole.
  const swaps = makeSwaps(modules, qconfigs);
  if (swaps.size === 0) reportNothingSwapped(target, modules, qconfigs);
  return putModules('quantizeDynamic', target, swaps, options.inplace === true).eval();
}

/** Quantized modules by path. A module that the model holds twice stays one, where both places have one qconfig. */
function makeSwaps(modules: readonly [string, Module][], qconfigs: QConfigResolution): Map<string, Module> {
  const swaps = new Map<string, Module>();
  const made = new Map<Module, Map<QConfig, Module>>();
  for (const [path, module] of modules) {
    if (swapFor(module) === undefined) continue;
    const qconfig = qconfigs.get(path);
    if (qconfig === null) {
      noteFloatReason(module, qconfigs.reason(path));
      continue;
    }
    if (swapFor(module, DYNAMIC_SWAPS, weightDTypeOf(qconfig)) === undefined) continue;
    const ofModule = made.get(module) ?? new Map<QConfig, Module>();
    made.set(module, ofModule);
    const quantized = ofModule.get(qconfig) ?? swapAt('quantizeDynamic', path, module, qconfig);
    ofModule.set(qconfig, quantized);
    swaps.set(path, quantized);
  }
  return swaps;
}

function checkArguments(model: Module, spec: DynamicSpec | null | undefined, options: QuantizeDynamicOptions): void {
  if (!isModule(model)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantizeDynamic] expected a module, got ${model === null ? 'null' : typeof model}`,
    );
  }
  const { dtype, qconfig, ...others } = options as QuantizeDynamicOptions & Record<string, unknown>;
  const unknown = Object.keys(others).find((name) => name !== 'inplace');
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, ['inplace', 'dtype', 'qconfig']);
    throw new OctavoError('INVALID_ARGUMENT', `[quantizeDynamic] unknown option '${unknown}'${hint}`);
  }
  if (dtype !== undefined && !WEIGHT_DTYPES.includes(dtype)) {
    const known = WEIGHT_DTYPES.join(', ');
    throw new OctavoError('UNSUPPORTED', `[quantizeDynamic] dtype must be one of ${known}, got '${String(dtype)}'`);
  }
  if (dtype !== undefined && qconfig !== undefined && weightDTypeOf(qconfig) !== dtype) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantizeDynamic] ${describeQConfig(qconfig)} makes ${weightDTypeOf(qconfig)} weights, dtype says ${dtype}; give one of the two`,
    );
  }
  if (dtype !== undefined && bringsQConfigs(spec)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[quantizeDynamic] the spec brings its own qconfigs; leave options.dtype out, or list types and names instead',
    );
  }
  if (qconfig !== undefined && bringsQConfigs(spec)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[quantizeDynamic] the spec brings its own qconfigs; leave options.qconfig out, or list types and names instead',
    );
  }
}

/** Nothing to swap is an error, but for a spec of nothing but null, which asked for it. */
function reportNothingSwapped(model: Module, modules: readonly [string, Module][], qconfigs: QConfigResolution): void {
  if ([...qconfigs].every(([, qconfig]) => qconfig === null)) {
    warnOnce(
      'OCTAVO_W_NOTHING_QUANTIZED',
      `[quantizeDynamic] the spec keeps all of ${model.typeName} float; name a module or a type with a qconfig to quantize it`,
    );
    return;
  }
  const asked = [...qconfigs].find(([, qconfig]) => qconfig !== null)?.[1] as QConfig;
  const dtype = weightDTypeOf(asked);
  const done = modules.filter(([, module]) => swapThatMade(module) !== undefined).length;
  const why =
    done > 0
      ? `its ${done} int8 modules are quantized already; quantize the float model instead`
      : `no ${supportedTypes(DYNAMIC_SWAPS, dtype)} lies where the spec asks for ${dtype === 'qint8' ? 'int8' : dtype}; print(model) shows what it is made of`;
  throw new OctavoError('UNSUPPORTED', `[quantizeDynamic] nothing to quantize in ${model.typeName}: ${why}`);
}

import { cloneModule, isModule, isOctavoError, type Module, OctavoError } from '@octavo/core';
import { checkStaticQConfig, getDefaultQConfig, type Observer, type QConfig, warnOnce } from '@octavo/observers';
import { foundGroups } from '../fuse/fuse-modules.js';
import { Fused } from '../fuse/fused.js';
import { isFakeQuantized } from '../qat/swaps.js';
import { QUANTIZABLE_SWAPS } from '../quantizable/swaps.js';
import { STATIC_SWAPS } from '../static/swaps.js';
import { checkOptions } from './check-options.js';
import { attachObservation, Observation, observationOf } from './observation.js';
import { propagateQConfig, type QConfigSpec } from './propagate-qconfig.js';
import { putModules, swapAt } from './swap-module.js';
import { type SwapTable, swapFor } from './swap-table.js';

export interface PrepareOptions {
  /** Changes the model that was given instead of a copy of it. */
  inplace?: boolean;
  /**
   * How to quantize what has no qconfig of its own: one for all, by dotted path, or by rules. Without it, and where no
   * module has the property `qconfig`, `getDefaultQConfig('fbgemm')`.
   */
  qconfig?: QConfigSpec;
  /** Which modules have a quantized form; `STATIC_SWAPS` by default. `convert` must be given the same. */
  mapping?: SwapTable;
  /** Which modules are taken apart into modules that have a quantized form; `QUANTIZABLE_SWAPS` by default. */
  quantizable?: SwapTable;
}

export const PREPARE_OPTIONS = ['inplace', 'qconfig', 'mapping'];

/**
 * A model ready for calibration (PyTorch's `prepare`): observers see the output of every module that will need a scale
 * and zero point, a fused module as one. Run representative inputs through it, then call `convert`. The model must be
 * in evaluation mode, with a QuantStub where values become codes and a DeQuantStub where they become float again.
 */
export function prepare<M extends Module>(model: M, options: PrepareOptions = {}): M {
  if (!isModule(model)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[prepare] expected a module, got ${model === null ? 'null' : typeof model}`,
    );
  }
  checkOptions('prepare', options, [...PREPARE_OPTIONS, 'quantizable']);
  const training = [...model.namedModules()].find(([, module]) => module.training);
  if (training !== undefined) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[prepare] ${training[0] === '' ? model.typeName : training[0]} is in training mode; call model.eval() first, or prepareQat to train with quantization errors`,
    );
  }
  const inplace = options.inplace === true;
  const target = takeApart(inplace ? model : cloneModule(model), options, inplace);
  observe('prepare', target, options.mapping === undefined ? {} : { mapping: options.mapping });
  warnOfBatchNorms(target);
  return target;
}

/** Gives modules their qconfigs, and puts those that the table names, and that are to be quantized, in parts. */
function takeApart<M extends Module>(model: M, options: PrepareOptions, inplace: boolean): M {
  const { quantizable = QUANTIZABLE_SWAPS } = options;
  const modules = [...model.namedModules()];
  if (modules.some(([, module]) => observationOf(module) !== undefined)) throw preparedAlready('prepare');
  propagateQConfig(model, options.qconfig ?? (bringsQConfig(model) ? {} : getDefaultQConfig('fbgemm')));
  const swaps = new Map<string, Module>();
  const made = new Map<Module, Module>();
  for (const [path, module] of modules) {
    const qconfig = module.qconfig as QConfig | null | undefined;
    if (qconfig === null || qconfig === undefined || swapFor(module, quantizable) === undefined) continue;
    const parts = made.get(module) ?? swapAt('prepare', path, module, qconfig, quantizable);
    made.set(module, parts);
    // Its parts are quantized as the module is; one that it had before, as out_proj, keeps what it was given.
    for (const [, part] of parts.namedModules()) if (part.qconfig === undefined) part.qconfig = qconfig;
    swaps.set(path, parts);
  }
  return putModules('prepare', model, swaps, inplace);
}

function bringsQConfig(model: Module): boolean {
  return [...model.namedModules()].some(([, module]) => module.qconfig !== undefined);
}

function preparedAlready(where: string): OctavoError {
  return new OctavoError(
    'INVALID_ARGUMENT',
    `[${where}] the model has observers already; prepare the float model once`,
  );
}

/** Puts observers on the modules of a model that have a qconfig and a row of the mapping. */
export function observe(
  where: string,
  model: Module,
  { mapping = STATIC_SWAPS }: Pick<PrepareOptions, 'mapping'>,
): void {
  const modules = [...model.namedModules()];
  if (modules.some(([, module]) => observationOf(module) !== undefined)) throw preparedAlready(where);
  const units = new Set<Module>();
  let count = 0;
  for (const [path, module] of modules) {
    if ([...units].some((unit) => [...unit.namedChildren()].some(([, child]) => child === module))) continue;
    if (module instanceof Fused || isFakeQuantized(module)) units.add(module);
    const swap = swapFor(module, mapping);
    const own = module.qconfig as QConfig | null;
    if (swap?.observes === undefined || own === null || observationOf(module) !== undefined) continue;
    const observation = new Observation(staticObserver(where, path === '' ? module.typeName : path, own));
    attachObservation(module, observation);
    if (swap.observes === 'output') module.registerForwardHook(observation.hook);
    count++;
  }
  if (count > 0) return;
  throw new OctavoError(
    'UNSUPPORTED',
    `[${where}] nothing to quantize in ${model.typeName}: no module with a qconfig has a static form; print(model) shows what it ` +
      'is made of, and a QuantWrapper or stubs say where codes begin',
  );
}

/** The activation observer of a qconfig that static quantization can use. */
function staticObserver(where: string, path: string, qconfig: QConfig): Observer {
  try {
    return checkStaticQConfig(qconfig).activation();
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    throw new OctavoError(error.code, `[${where}] ${path}: ${error.message}`, { cause: error, details: { path } });
  }
}

/** A batch norm behind a convolution costs an op and a requantization that folding saves. */
function warnOfBatchNorms(model: Module): void {
  const unfused = foundGroups(model, undefined).filter((paths) =>
    paths.slice(1).some((path) => 'running_mean' in model.getSubmodule(path)),
  );
  if (unfused.length === 0) return;
  warnOnce(
    'OCTAVO_W_UNFUSED_BATCH_NORM',
    `[prepare] batch norms follow ${unfused.map(([first]) => first).join(', ')} unfused, which costs accuracy and time; call ` +
      'fuseModules(model) before prepare',
  );
}

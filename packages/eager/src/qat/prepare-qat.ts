import { cloneModule, isModule, type Module, OctavoError } from '@octavo/core';
import { describeQConfig, FakeQuantize, getDefaultQatQConfig, type QConfig } from '@octavo/observers';
import { checkOptions } from '../convert/check-options.js';
import { observe, PREPARE_OPTIONS, type PrepareOptions } from '../convert/prepare.js';
import { propagateQConfig } from '../convert/propagate-qconfig.js';
import { putModules, swapAt } from '../convert/swap-module.js';
import { swapFor } from '../convert/swap-table.js';
import { QAT_SWAPS } from './swaps.js';

/**
 * A model to be trained with the errors of its quantization (PyTorch's `prepare_qat`): linears and convolutions, fused
 * ones with their batch norm, become `FakeQuantized` forms with straight-through gradients for their own parameters,
 * and outputs are fake-quantized. The model must be in training mode, fused before by `fuseModules`; the qconfig is
 * `getDefaultQatQConfig('fbgemm')` where none is given. Train, then `convert`.
 */
export function prepareQat<M extends Module>(model: M, options: Omit<PrepareOptions, 'quantizable'> = {}): M {
  if (!isModule(model)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[prepareQat] expected a module, got ${model === null ? 'null' : typeof model}`,
    );
  }
  checkOptions('prepareQat', options, PREPARE_OPTIONS);
  const evaluating = [...model.namedModules()].find(([, module]) => !module.training);
  if (evaluating !== undefined) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[prepareQat] ${evaluating[0] === '' ? model.typeName : evaluating[0]} is in evaluation mode; call model.train() first, or prepare to calibrate without training`,
    );
  }
  const inplace = options.inplace === true;
  const target = inplace ? model : cloneModule(model);
  const bringsOwn = [...target.namedModules()].some(([, module]) => module.qconfig !== undefined);
  propagateQConfig(target, options.qconfig ?? (bringsOwn ? {} : getDefaultQatQConfig('fbgemm')));
  const swaps = new Map<string, Module>();
  const made = new Map<Module, Module>();
  for (const [path, module] of target.namedModules()) {
    const qconfig = module.qconfig as QConfig | null;
    if (qconfig === null) continue;
    checkQatQConfig(path === '' ? model.typeName : path, qconfig);
    if ([...swaps.keys()].some((outer) => outer === '' || path.startsWith(`${outer}.`))) continue;
    if (swapFor(module, QAT_SWAPS) === undefined) continue;
    const trained = made.get(module) ?? swapAt('prepareQat', path, module, qconfig, QAT_SWAPS);
    trained.qconfig = qconfig;
    made.set(module, trained);
    swaps.set(path, trained);
  }
  const result = putModules('prepareQat', target, swaps, inplace);
  const { mapping } = options;
  observe('prepareQat', result, mapping === undefined ? {} : { mapping });
  return result;
}

function checkQatQConfig(path: string, qconfig: QConfig): void {
  if (qconfig.activation() instanceof FakeQuantize && qconfig.weight() instanceof FakeQuantize) return;
  throw new OctavoError(
    'UNSUPPORTED',
    `[prepareQat] ${path}: ${describeQConfig(qconfig)} does not fake-quantize activations and weights; use ` +
      "getDefaultQatQConfig('fbgemm'), or prepare to calibrate without training",
    { details: { path } },
  );
}

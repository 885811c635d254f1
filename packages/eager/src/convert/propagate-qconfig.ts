import { type Module, OctavoError } from '@octavo/core';
import { isQConfig, type QConfig, type QConfigDict, QConfigMapping, resolveQConfig } from '@octavo/observers';
import { noteFloatReason } from '../report/float-reasons.js';

/** One qconfig for the whole model, qconfigs by dotted module path with null to keep a module float, or rules. */
export type QConfigSpec = QConfig | QConfigDict | QConfigMapping;

/** A module that has a qconfig of its own, for what lies in it. */
interface Owner {
  readonly path: string;
  readonly qconfig: QConfig | null;
}

/**
 * Gives every module of a model its qconfig as the property `qconfig` (PyTorch's `propagate_qconfig_`): one that a
 * module has already wins, and goes to what lies in it unless the spec names that; then the spec decides. Null keeps a
 * module float, and what lies in it.
 */
export function propagateQConfig(model: Module, spec: QConfigSpec = {}): void {
  const types = new Map([...model.namedModules()].map(([path, module]) => [path, module.typeName]));
  const decisions = resolveQConfig(isQConfig(spec) ? { '': spec } : spec, types);
  visit(model, '', null);

  function visit(module: Module, path: string, around: Owner | null): void {
    const own = ownQConfig(module, path);
    const owner = own !== undefined ? { path, qconfig: own } : namesIt(path, around) ? null : around;
    module.qconfig = owner === null ? decisions.get(path) : owner.qconfig;
    if (module.qconfig === null) {
      noteFloatReason(
        module,
        owner === null ? decisions.reason(path) : `the qconfig of ${placeOf(owner.path)} is null`,
      );
    }
    for (const [name, child] of module.namedChildren()) visit(child, path === '' ? name : `${path}.${name}`, owner);
  }

  /** Whether the spec says more of a module than of the one around it that has a qconfig of its own. */
  function namesIt(path: string, around: Owner | null): boolean {
    const key = decisions.keyOf(path);
    if (around === null || key === null) return around === null;
    return QConfigMapping.is(spec) ? key !== 'the global rule' : key.length > around.path.length;
  }
}

function ownQConfig(module: Module, path: string): QConfig | null | undefined {
  const own = module.qconfig;
  if (own === undefined || own === null || isQConfig(own)) return own;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `${path === '' ? module.typeName : path}: expected a qconfig such as getDefaultQConfig('fbgemm') as its property ` +
      `qconfig, or null to keep it float; got ${String(own)}`,
  );
}

function placeOf(path: string): string {
  return path === '' ? 'the model' : `'${path}'`;
}

import { isOctavoError, OctavoError } from '@octavo/core';
import type { Value } from '../ir/value.js';
import type { GraphBuilder } from './graph-builder.js';
import { DEFERRED, type ForeignNode, type Rule, RuleContext } from './rule.js';

/**
 * What a rule makes of a node: the values of its outputs, or null where it has to wait for the inputs of a run. An error
 * gets the node's label in front.
 */
export function applyRule(builder: GraphBuilder, rule: Rule, node: ForeignNode): readonly Value[] | null {
  try {
    const made = rule(new RuleContext(builder, node));
    return Array.isArray(made) ? made : [made as Value];
  } catch (error) {
    if (error === DEFERRED) return null;
    throw isOctavoError(error) ? labelled(error, node.label) : error;
  }
}

export function labelled(error: OctavoError, label: string): OctavoError {
  return new OctavoError(error.code, `${label}: ${error.message}`, {
    cause: error,
    details: { ...error.details, node: label },
  });
}

import { type Module, type Recorder, Tensor, withRecorder } from '@octavo/core';

/** One call of a module without children. */
interface Call {
  readonly path: string;
  readonly module: Module;
  readonly input: unknown;
  readonly output: unknown;
}

type Chain = (readonly [path: string, module: Module])[];

/**
 * Runs of modules in which the output of one is the input of the next and of nothing else, as one call of the model
 * with `inputs` shows. A module that is called more than once ends a run: it has work to do elsewhere.
 */
export function runningOrder(model: Module, inputs: readonly unknown[]): Chain[] {
  const { calls, uses } = record(model, inputs);
  const times = new Map<Module, number>();
  for (const { module } of calls) times.set(module, (times.get(module) ?? 0) + 1);
  const byInput = new Map(calls.map((call) => [call.input, call]));
  const nextOf = (call: Call): Call | undefined => {
    const next = byInput.get(call.output);
    const alone = (uses.get(call.output) ?? 0) === 1;
    return next !== undefined && alone && once(call) && once(next) ? next : undefined;
  };
  const once = ({ module }: Call): boolean => times.get(module) === 1;
  const followers = new Set(calls.map(nextOf));
  return calls
    .filter((call) => !followers.has(call))
    .map((start) => {
      const chain: Chain = [];
      for (let call: Call | undefined = start; call !== undefined; call = nextOf(call)) {
        chain.push([call.path, call.module]);
      }
      return chain;
    });
}

/**
 * The calls of modules without children that compute something, and how often each tensor is an operand of an op or an
 * output of the model.
 */
function record(model: Module, inputs: readonly unknown[]): { calls: Call[]; uses: Map<unknown, number> } {
  const calls: Call[] = [];
  const uses = new Map<unknown, number>();
  const use = (tensor: unknown): void => void uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  const recorder: Recorder = {
    op: (_def, operands) => operands.forEach(use),
    enter: () => {},
    leave: () => {},
    read: () => {},
  };
  const handles = [...model.namedModules()]
    .filter(([, module]) => module.namedChildren().next().done === true)
    .map(([path, module]) =>
      module.registerForwardHook((_module, [input], output) => {
        if (output !== input) calls.push({ path, module, input, output });
        return undefined;
      }),
    );
  try {
    const output = withRecorder(recorder, () => model.call(...inputs));
    tensorsIn(output).forEach(use);
  } finally {
    for (const handle of handles) handle.remove();
  }
  return { calls, uses };
}

/** The tensors of a model's output: itself, or those of a list or an object. */
function tensorsIn(value: unknown): Tensor[] {
  if (Tensor.is(value)) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}

import { activeRecorder, F, isOctavoError, Module, nn, type OctavoError, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { trace } from '../../src/index.js';
import { floats } from '../models.js';

function failure(body: () => unknown): OctavoError {
  try {
    body();
  } catch (error) {
    if (isOctavoError(error)) return error;
    throw error;
  }
  throw new Error('expected an OctavoError');
}

describe('reading dims while tracing', () => {
  const byDims = (x: Tensor) => F.reshape(F.relu(x), [x.dims[0] as number, -1]);

  it('fixes the graph to the traced shapes and says where', () => {
    const graph = trace(byDims, { x: floats([2, 3, 4]) });
    expect(graph.fixedBy).toMatch(/^dims read at .*reads-while-tracing\.test\.ts:\d+:\d+$/);
    expect(graph.print()).toMatch(/# fixed to these input shapes: dims read at .*reads-while-tracing/);
    expect(graph.run({ x: floats([2, 3, 4]) }).output?.dims).toEqual([2, 12]);
    const error = failure(() => graph.run({ x: floats([3, 3, 4]) }));
    expect(error.code).toBe('SHAPE_FIXED_BY_TRACE');
    expect(error.message).toMatch(/input 'x' must be \[2, 3, 4\], got \[3, 3, 4\].*reads-while-tracing\.test\.ts:\d+/);
  });

  it('counts size and dims of op results, inside a core module as well', () => {
    class Sized extends Module<(x: Tensor) => Tensor> {
      forward(x: Tensor): Tensor {
        return F.mul(F.relu(x), F.neg(x).size);
      }
    }
    expect(trace(new nn.Sequential(new Sized()), [floats([2])]).fixedBy).toMatch(/reads-while-tracing/);
  });

  it('does not count dims of parameters and constants', () => {
    const weight = floats([4, 3]);
    const graph = trace(
      (x: Tensor) => F.div(F.linear(x, F.mul(weight, 2)), Math.sqrt(weight.dims[1] as number)),
      [floats([2, 3])],
    );
    expect(graph.fixedBy).toBeNull();
    expect(graph.run({ input0: floats([7, 3]) }).output?.dims).toEqual([7, 4]);
  });
});

describe('reading data while tracing', () => {
  it('is an error that names the line', () => {
    const branch = (x: Tensor) => ((F.relu(x).data[0] as number) > 0 ? x : F.neg(x));
    const error = failure(() => trace(branch, [floats([2])]));
    expect(error.code).toBe('TRACE_FAILED');
    expect(error.message).toMatch(/values of a traced tensor were read at .*reads-while-tracing\.test\.ts:\d+:\d+/);
    expect(error.message).toContain('control flow');
  });

  it('names the module, and catches item and toArray', () => {
    class Peek extends Module<(x: Tensor) => Tensor> {
      forward(x: Tensor): Tensor {
        return F.mul(x, Number(x.item()));
      }
    }
    const error = failure(() => trace(new nn.Sequential(new Peek()), [floats([1])]));
    expect(error.message).toContain("(module '0')");
    expect(error.message).toContain('reads-while-tracing.test.ts');
    expect(failure(() => trace((x: Tensor) => [x.toArray()], [floats([1])])).code).toBe('TRACE_FAILED');
  });

  it('is not forgotten when user code swallows it', () => {
    const stubborn = (x: Tensor) => {
      try {
        return F.mul(x, x.data[0] as number);
      } catch {
        return x;
      }
    };
    expect(failure(() => trace(stubborn, [floats([1])])).code).toBe('TRACE_FAILED');
  });

  it('is fine for parameters, constants and what is computed from them', () => {
    const weight = Tensor.from([2, 3]);
    const graph = trace((x: Tensor) => F.mul(x, F.mul(weight, 2).data[1] as number), [Tensor.from([1])]);
    expect(graph.run({ input0: Tensor.from([5]) }).output?.toArray()).toEqual([30]);
  });
});

describe('trace refuses', () => {
  it('results that are no tensors', () => {
    const message = (result: unknown) => failure(() => trace(() => result, [floats([1])])).message;
    expect(message('text')).toContain('a string');
    expect(message({ logits: floats([1]), loss: 3 })).toContain('loss is a number');
    expect(message([undefined])).toContain('output0 is undefined');
    expect(message({})).toContain('nothing');
    expect(message(Promise.resolve(floats([1])))).toContain('synchronous');
  });

  it('a trace inside a trace, and leaves no recorder behind', () => {
    const inner = (x: Tensor) => {
      trace((y: Tensor) => y, [floats([1])]);
      return x;
    };
    expect(failure(() => trace(inner, [floats([1])])).message).toContain('another trace is running');
    expect(activeRecorder()).toBeNull();
    expect(() =>
      trace(() => {
        throw new TypeError('a bug of the user');
      }, [floats([1])]),
    ).toThrow('a bug of the user');
    expect(activeRecorder()).toBeNull();
  });

  it('bad inputs', () => {
    expect(failure(() => trace((x: Tensor) => x, {})).code).toBe('INVALID_ARGUMENT');
    expect(failure(() => trace((x: Tensor) => x, floats([1]) as never)).message).toContain('{ name: tensor }');
    expect(failure(() => trace((x: Tensor) => x, { x: 3 as never })).message).toContain("input 'x' must be a tensor");
    expect(failure(() => trace('model' as never, [floats([1])])).message).toContain('expected a module');
    const same = floats([1]);
    expect(failure(() => trace((a: Tensor, b: Tensor) => F.add(a, b), { a: same, b: same })).message).toContain(
      'same tensor',
    );
  });
});

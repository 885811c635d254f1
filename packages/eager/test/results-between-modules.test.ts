import { Module, nn, type QuantizedTensor, quantizePerTensor, Tensor, withBackend } from '@octavo/core';
import { createNativeBackend } from '@octavo/kernels-native';
import { describe, expect, it, vi } from 'vitest';
import { QuantizedConv } from '../src/index.js';

const backend = createNativeBackend({ threads: 1 });

function conv(seed: number): QuantizedConv {
  const made = QuantizedConv.fromConfig({
    ...{ inChannels: 4, outChannels: 4, kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] },
    ...{ groups: 1, transposed: false, outputPadding: [0, 0], bias: false, perChannel: false, activation: 'none' },
  });
  const codes = made.weight.values.data as Int8Array;
  for (let i = 0; i < codes.length; i++) codes[i] = ((i * seed) % 7) - 3;
  made.scale = 4;
  made.zeroPoint = 100;
  return made;
}

const image = (): QuantizedTensor => {
  const data = Float32Array.from({ length: 4 * 36 }, (_, i) => Math.sin(i));
  return quantizePerTensor(new Tensor('float32', data, [1, 4, 6, 6]), 0.01, 128);
};
const codesOf = (x: QuantizedTensor): unknown => Array.from(x.values.data as Uint8Array);

/** Passes its input on and keeps it, as a user's module may. */
class Keeper extends Module<(x: QuantizedTensor) => QuantizedTensor> {
  kept: QuantizedTensor | null = null;
  forward(x: QuantizedTensor): QuantizedTensor {
    this.kept = x;
    return x;
  }
}

/** A user's convolution that keeps its result. */
class KeepingConv extends QuantizedConv {
  kept: QuantizedTensor | null = null;
  override forward(x: QuantizedTensor): QuantizedTensor {
    this.kept = super.forward(x);
    return this.kept;
  }
}

describe('results between the children of a Sequential', () => {
  const convs = [conv(3), conv(5), conv(11)] as const;
  const alone = (): unknown => withBackend(backend, () => codesOf(convs.reduce((x, each) => each.call(x), image())));

  it('have the bits of the children called one by one, call after call', () => {
    const expected = alone();
    const model = new nn.Sequential(...convs);
    withBackend(backend, () => {
      const outputs = [model.call(image()), model.call(image()), model.call(image())];
      expect(outputs.map(codesOf)).toEqual([expected, expected, expected]);
    });
  });

  it('stay where a hook, a class of the user, or the caller has them', () => {
    withBackend(backend, () => {
      const hooked: QuantizedTensor[] = [];
      const handle = convs[1].registerForwardHook((_module, [x], y) => {
        hooked.push(x as QuantizedTensor, y as QuantizedTensor);
      });
      const [first, second] = [convs[0].call(image()), convs[1].call(convs[0].call(image()))].map(codesOf);
      const input = image();
      new nn.Sequential(...convs).call(input);
      handle.remove();
      expect(hooked.slice(-2).map(codesOf)).toEqual([first, second]);
      expect(codesOf(input)).toEqual(codesOf(image()));

      const keeper = new Keeper();
      const keeping = new KeepingConv(convs[1].packed, convs[1]);
      new nn.Sequential(convs[0], keeper, keeping, convs[2]).call(image());
      expect(codesOf(keeper.kept as QuantizedTensor)).toEqual(first);
      expect(codesOf(keeping.kept as QuantizedTensor)).toEqual(second);
    });
  });

  it('take the memory of results before them, so that a call allocates its output alone', () => {
    withBackend(backend, () => {
      const large = quantizePerTensor(Tensor.zeros([1, 4, 32, 32]), 0.01, 128);
      const block = new nn.Sequential(convs[0], convs[1]);
      const model = new nn.Sequential(block, convs[2], new nn.Sequential(conv(13), conv(17)));
      model.call(large);
      const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
      const output = model.call(large);
      expect(allocate).toHaveBeenCalledTimes(1);
      expect(allocate).toHaveBeenCalledWith(output.values.size);
      allocate.mockRestore();
    });
  });
});

import { fc, test as property } from '@fast-check/vitest';
import { F, LinearPackedParams, manualSeed, nn, QuantizedTensor, Tensor } from '@octavo/core';
import { defaultDynamicQConfig, perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, test } from 'vitest';
import { DynamicQuantizedLinear } from '../../src/index.js';
import { goldenTest } from '../support/golden.js';
import { bits, noise } from '../support/models.js';

goldenTest('linear_dynamic: the module gives PyTorch’s bits', 'linear_dynamic', ({ cases, tensor }) => {
  const failures: string[] = [];
  for (const { name, op, params, inputs, outputs } of cases) {
    const perChannel = params.per_channel === true;
    const scales = perChannel
      ? (tensor(inputs.weight_scales).data as Float32Array)
      : Float32Array.of(params.weight_scale as number);
    const zeroPoints = perChannel
      ? Int32Array.from(tensor(inputs.weight_zero_points).data as Int32Array, Number)
      : Int32Array.of(params.weight_zero_point as number);
    const weight = new QuantizedTensor('qint8', tensor(inputs.weight), {
      scales,
      zeroPoints,
      axis: perChannel ? 0 : null,
    });
    const packed = new LinearPackedParams(weight, inputs.bias === undefined ? null : tensor(inputs.bias));
    const module = new DynamicQuantizedLinear(packed, { scheme: 0, reduceRange: params.reduce_range ? 1 : 0 });
    const y = module.call(tensor(inputs.x));
    const actual = bits(op === 'linear_relu_dynamic' ? F.relu(y) : y);
    const expected = bits(tensor(outputs.y));
    if (actual.length !== expected.length || actual.some((bit, i) => bit !== expected[i])) failures.push(name);
  }
  expect(failures).toEqual([]);
});

describe('DynamicQuantizedLinear', () => {
  const linear = new nn.Linear(6, 4);

  test('prints as PyTorch does', () => {
    const tensorWise = DynamicQuantizedLinear.fromFloat(linear, defaultDynamicQConfig);
    const channelWise = DynamicQuantizedLinear.fromFloat(linear, perRowDynamicQConfig);
    expect(String(channelWise)).toBe(
      'DynamicQuantizedLinear(in_features=6, out_features=4, dtype=torch.qint8, qscheme=torch.per_channel_affine)',
    );
    expect(String(tensorWise)).toContain('qscheme=torch.per_tensor_affine');
  });

  test('takes scheme and range from the qconfig', () => {
    expect(DynamicQuantizedLinear.fromFloat(linear, perRowDynamicQConfig).config).toEqual({
      inFeatures: 6,
      outFeatures: 4,
      bias: true,
      perChannel: true,
      scheme: 1,
      reduceRange: 0,
    });
    const theirs = DynamicQuantizedLinear.fromFloat(linear, defaultDynamicQConfig).config;
    expect(theirs).toMatchObject({ perChannel: false, scheme: 0, reduceRange: 1 });
  });

  test('is near the float linear', () => {
    const x = noise([5, 6]);
    const y = F.linear(x, linear.weight, linear.bias).data;
    for (const qconfig of [perRowDynamicQConfig, perChannelDynamicQConfig, defaultDynamicQConfig]) {
      const q = DynamicQuantizedLinear.fromFloat(linear, qconfig).call(x).data;
      q.forEach((value, i) => {
        expect(Math.abs(value - (y[i] as number))).toBeLessThan(0.05);
      });
    }
  });

  property.prop([fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 1, max: 24 }), fc.constantFrom(0.01, 1, 300)])(
    'the error stays within half a code of each weight and a code of each input',
    (seed, inFeatures, size) => {
      manualSeed(seed);
      const float = new nn.Linear(inFeatures, 3, { bias: false });
      const x = F.mul(noise([2, inFeatures], seed), size);
      for (const qconfig of [perRowDynamicQConfig, perChannelDynamicQConfig, defaultDynamicQConfig]) {
        const module = DynamicQuantizedLinear.fromFloat(float, qconfig);
        const { scale } = F.chooseQParamsPerTensor(x, module.reduceRange);
        const expected = F.linear(x, float.weight).data;
        module.call(x).data.forEach((value, i) => {
          const weights = (float.weight.data as Float32Array).slice((i % 3) * inFeatures, ((i % 3) + 1) * inFeatures);
          const weightScale = module.weight.scales[module.weight.axis === null ? 0 : i % 3] as number;
          const row = Math.floor(i / 3) * inFeatures;
          const bound = weights.reduce((sum, w, k) => {
            const input = Math.abs(x.data[row + k] as number) + scale.item();
            return sum + Math.abs(w) * scale.item() + 0.51 * weightScale * input;
          }, 0);
          expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(bound * 1.001);
        });
      }
    },
  );

  test('a row’s answer does not depend on the rows beside it (perRow)', () => {
    const module = DynamicQuantizedLinear.fromFloat(linear, perRowDynamicQConfig);
    const x = noise([7, 6], 5);
    const whole = bits(module.call(x));
    for (let row = 0; row < 7; row++) {
      const alone = new Tensor('float32', x.data.slice(row * 6, row * 6 + 6), [1, 6]);
      expect(bits(module.call(alone))).toEqual(whole.slice(row * 4, row * 4 + 4));
    }
  });

  test('the state dict has PyTorch’s keys and goes into a fresh module with the same bits', () => {
    const x = noise([3, 6], 9);
    for (const qconfig of [perRowDynamicQConfig, defaultDynamicQConfig]) {
      const module = DynamicQuantizedLinear.fromFloat(linear, qconfig);
      const state = module.stateDict();
      expect(Object.keys(state)).toEqual([
        'scale',
        'zero_point',
        '_packed_params.dtype',
        '_packed_params.weight',
        '_packed_params.weight_scales',
        '_packed_params.weight_zero_points',
        '_packed_params.bias',
        '_packed_params.scheme',
        '_packed_params.reduce_range',
      ]);
      const fresh = DynamicQuantizedLinear.fromConfig({ ...module.config, scheme: 0, reduceRange: 0 });
      fresh.loadStateDict(state);
      expect(fresh.config).toEqual(module.config);
      expect(bits(fresh.call(x))).toEqual(bits(module.call(x)));
    }
  });

  test('a state dict of another kind is refused', () => {
    const perChannel = DynamicQuantizedLinear.fromFloat(linear, perRowDynamicQConfig);
    const perTensor = DynamicQuantizedLinear.fromFloat(linear, defaultDynamicQConfig);
    expect(() => perTensor.loadStateDict(perChannel.stateDict())).toThrow(
      /_packed_params.weight_scales: expected float32 \[\]/,
    );
    const state = { ...perChannel.stateDict(), '_packed_params.scheme': new Tensor('int64', BigInt64Array.of(7n), []) };
    expect(() => perChannel.loadStateDict(state)).toThrow('_packed_params.scheme must be 0 or 1, got 7');
    const scales = new Tensor('float32', new Float32Array(4), [4]);
    expect(() =>
      perChannel.loadStateDict({ ...perChannel.stateDict(), '_packed_params.weight_scales': scales }),
    ).toThrow('scales must be positive');
  });
});

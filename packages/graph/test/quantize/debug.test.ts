import type { LinearPackedParams } from '@octavo/core';
import { defaultDynamicQConfig, perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { quantizeDynamic, trace } from '../../src/index.js';
import { floatsOf, seeded, sentences, TinyClassifier } from '../models.js';

const model = seeded(() => new TinyClassifier());
const float = trace(model, sentences([3, 5]));
const NAME = 'layers.0.attention.query.weight';

describe.each([
  ['perRow', perRowDynamicQConfig],
  ['perChannel', perChannelDynamicQConfig],
  ['default', defaultDynamicQConfig],
])('debug mode with %s', (_, qconfig) => {
  const debug = quantizeDynamic(float, { '': qconfig }, { debug: true });
  const int8 = quantizeDynamic(float, { '': qconfig });

  it('prints quantize and dequantize around float linears, and no quantized op', () => {
    const printed = debug.print();
    expect(printed).not.toContain('quantized::');
    expect(printed).toContain('aten::dequantize');
    expect(printed.match(/aten::linear/g)).toHaveLength(12);
    const choose =
      qconfig === perRowDynamicQConfig ? 'octavo::choose_qparams_per_row' : 'aten::_choose_qparams_per_tensor';
    expect(printed.match(new RegExp(choose, 'g'))).toHaveLength(8);
    expect(debug.stage).toBe('debug');
  });

  it('gives weights with scale, zero point and axis', () => {
    const weight = debug.get(NAME);
    expect(weight.dims).toEqual([8, 8]);
    expect(weight.data).toBe(float.get(NAME).data);
    const packed = int8.parameters.get('layers.0.attention.query._packed_params') as LinearPackedParams;
    expect(weight.scale).toEqual(packed.weight.scale);
    expect(weight.zeroPoint).toEqual(packed.weight.zeroPoint);
    expect(weight.axis).toBe(qconfig === defaultDynamicQConfig ? null : 0);
    expect(debug.get('norm.weight').scale).toBeUndefined();
    expect(() => debug.get('layers.0.attention.qeury.weight')).toThrow(
      /did you mean 'layers\.0\.attention\.query\.weight'/,
    );
  });

  it('has the logits of the int8 graph, to rounding of the float emulation', () => {
    const feeds = sentences([5, 2, 7]);
    const [a, b] = [debug, int8].map((graph) => floatsOf(graph.run(feeds).output));
    a!.forEach((value, i) => {
      expect(Math.abs(value - (b![i] as number))).toBeLessThan(1e-5);
    });
  });
});

describe('a frozen graph', () => {
  const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig, classifier: null });

  it('says that a packed weight is frozen, and what to do', () => {
    expect(() => int8.get(NAME)).toThrow(
      /'layers\.0\.attention\.query\.weight' is frozen and packed.*\{ debug: true \}/,
    );
    expect(() => int8.get('pooler.bias')).toThrow(/frozen/);
    expect(() => int8.get('pooler._packed_params')).toThrow(/frozen/);
    expect(() => int8.get('pooler.wieght')).toThrow(/did you mean 'pooler\.weight'/);
  });

  it('still gives what stayed float', () => {
    expect(int8.get('classifier.weight')).toBe(model.classifier.weight);
    expect(int8.get('words.weight')).toBe(model.words.weight);
  });
});
